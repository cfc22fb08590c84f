#include "cli/options/accepted_values.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace dvar::cli {
namespace {

std::string text_of(const interval& range) {
  const bool open_ended = std::isinf(range.most);
  if (open_ended) return fmt::format("{} {:g}", range.without_least ? "more than" : "at least", range.least);
  if (range.without_least) return fmt::format("more than {:g} and at most {:g}", range.least, range.most);
  return fmt::format("{:g} to {}{:g}", range.least, range.without_most ? "below " : "", range.most);
}

/// Returns `a, b or c`.
std::string text_of(const choices& all, bool with_meanings) {
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i) {
    text.append(i == 0 ? "" : i + 1 == all.size() ? " or " : ", ").append(all[i].name);
    if (with_meanings && !all[i].meaning.empty()) text.append(" (").append(all[i].meaning).append(")");
  }
  return text;
}

std::string text_of(const accepted_values& accepted, bool with_meanings) {
  if (const auto* range = std::get_if<interval>(&accepted)) return text_of(*range);
  if (const auto* all = std::get_if<choices>(&accepted)) return text_of(*all, with_meanings);
  if (const auto* form = std::get_if<text_form>(&accepted)) return form->expected;
  return {};
}

}  // namespace

std::string expectation(const accepted_values& accepted) {
  return text_of(accepted, /*with_meanings=*/false);
}

std::string explanation(const accepted_values& accepted) {
  return text_of(accepted, /*with_meanings=*/true);
}

bool admits(const accepted_values& accepted, double value) {
  const auto* range = std::get_if<interval>(&accepted);
  if (range == nullptr) return true;
  const bool from_below = range->without_least ? value > range->least : value >= range->least;
  const bool from_above = range->without_most ? value < range->most : value <= range->most;
  return std::isfinite(value) && from_below && from_above;
}

bool admits(const accepted_values& accepted, const std::string& value) {
  if (const auto* all = std::get_if<choices>(&accepted))
    return std::ranges::find(*all, value, &choice::name) != all->end();
  if (const auto* form = std::get_if<text_form>(&accepted)) return form->fits(value);
  return true;
}

}  // namespace dvar::cli
