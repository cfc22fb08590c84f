#include "cli/trace_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <dvar/trace/csv.hpp>
#include <dvar/trace/json_lines.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "error.hpp"

namespace dvar::cli {
namespace {

struct column_name {
  std::string_view name;
  std::optional<double> trace_record::* value;
};
constexpr std::array<column_name, 6> own_columns{{{"loss", &trace_record::loss},
                                                  {"gradient_norm", &trace_record::gradient_norm},
                                                  {"probe_loss", &trace_record::probe_loss},
                                                  {"rolling_variance", &trace_record::rolling_variance},
                                                  {"total_variance", &trace_record::total_variance},
                                                  {"ratio", &trace_record::ratio}}};

/// A number, or one of the strings that stand for those that JSON does not have.
std::optional<double> number_of(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "nan") return std::nan("");
  if (value == "inf") return INFINITY;
  if (value == "-inf") return -INFINITY;
  return std::nullopt;
}

/// A column that the toolkit's reader passes over. A last line that was cut off is passed over too.
trace read_other(std::istream& in, const std::string& column) {
  trace records;
  for (std::string line; std::getline(in, line);) {
    const nlohmann::json object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object() || !object.contains(column) || !object.contains("step")) continue;
    if (const std::optional<double> value = number_of(object[column])) {
      records.push_back({.step = object["step"].get<std::size_t>(), .probe_loss = value});
    }
  }
  return records;
}

trace read_own(std::istream& in, bool csv, const column_name& column) {
  trace records;
  for (const trace_record& record : csv ? read_csv(in) : read_json_lines(in)) {
    if (record.*column.value) records.push_back({.step = record.step, .probe_loss = record.*column.value});
  }
  return records;
}

}  // namespace

trace read_series(const std::filesystem::path& file, const std::string& column) {
  std::ifstream in{file};
  if (!in || std::filesystem::is_directory(file)) {
    throw input_error(fmt::format("{}: expected a trace, found {}", file.string(),
                                  std::filesystem::exists(file) ? "no file that can be read" : "nothing"));
  }
  const bool csv = file.extension() == ".csv";
  const auto own = std::find_if(own_columns.begin(), own_columns.end(),
                                [&](const column_name& each) { return each.name == column; });
  trace records;
  try {
    records = own == own_columns.end() ? (csv ? trace{} : read_other(in, column)) : read_own(in, csv, *own);
  } catch (const trace_error& error) {
    throw input_error(fmt::format("{}: {}", file.string(), error.what()));
  }
  if (records.empty()) {
    throw input_error(fmt::format("{}: expected values of {}, found none", file.string(), column));
  }
  return records;
}

}  // namespace dvar::cli
