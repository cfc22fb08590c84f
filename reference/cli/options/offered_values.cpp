#include "cli/options/offered_values.hpp"

namespace dvar::cli {
namespace {

bool is_path(const option_row& row) {
  return std::holds_alternative<std::filesystem::path*>(row.value) ||
         std::holds_alternative<std::vector<std::filesystem::path>*>(row.value);
}

}  // namespace

offered_values offered_by(const option_row& row) {
  offered_values offered{.words = row.offers, .paths = row.paths};
  if (const auto* all = std::get_if<choices>(&row.accepts))
    for (const choice& each : *all)
      offered.words.push_back(each.name);
  if (offered.paths == offered_paths::of_type)
    offered.paths = is_path(row) ? offered_paths::files : offered_paths::none;
  return offered;
}

bool is_repeatable(const option_row& row) {
  return std::holds_alternative<std::vector<std::string>*>(row.value) ||
         std::holds_alternative<std::vector<std::filesystem::path>*>(row.value);
}

}  // namespace dvar::cli
