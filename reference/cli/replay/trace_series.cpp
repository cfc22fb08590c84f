#include "cli/replay/trace_series.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <dvar/detail/lines.hpp>
#include <dvar/trace/csv.hpp>
#include <dvar/trace/json_lines.hpp>

#include "error.hpp"

namespace dvar::cli {
namespace {

[[noreturn]] void refuse(std::size_t line, const std::string& why) {
  throw trace_error(line, why);
}

/// A number, or one of the strings that stand for those that JSON does not have.
std::optional<double> number_of(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "nan") return std::nan("");
  if (value == "inf") return INFINITY;
  if (value == "-inf") return -INFINITY;
  return std::nullopt;
}

/// A column that the toolkit's reader passes over. As there, only a last line that was cut off may be broken.
trace_series read_other(std::istream& in, const std::string& column) {
  trace_series series;
  detail::line_reader line{in};
  while (line.next()) {
    if (line.text().empty()) continue;
    const nlohmann::json object = nlohmann::json::parse(line.text(), nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) {
      if (!line.complete()) break;
      refuse(line.number(), "expected an object of JSON, found something else");
    }
    const auto step = object.find("step");
    if (step == object.end()) refuse(line.number(), "there is no \"step\"");
    if (!step->is_number_unsigned())
      refuse(line.number(), fmt::format("\"step\" is {}, expected a whole number", step->dump()));
    series.last_step = step->get<std::size_t>();
    const auto value = object.find(column);
    if (value == object.end() || value->is_null()) continue;
    const std::optional<double> number = number_of(*value);
    if (!number) {
      refuse(line.number(),
             fmt::format(R"("{}" is {}, expected a number, "nan", "inf", "-inf" or null)", column,
                         value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
    }
    series.records.push_back({.step = series.last_step, .probe_loss = number});
  }
  return series;
}

trace_series read_own(std::istream& in, bool csv, const detail::trace_field& column) {
  trace_series series;
  for (const trace_record& record : csv ? read_csv(in) : read_json_lines(in)) {
    series.last_step = record.step;
    if (const std::optional<double>& value = record.*column.value)
      series.records.push_back({.step = record.step, .probe_loss = value});
  }
  return series;
}

}  // namespace

trace_series read_series(const std::filesystem::path& file, const std::string& column) {
  std::ifstream in{file};
  if (!in || std::filesystem::is_directory(file)) {
    throw input_error(fmt::format("{}: expected a trace, found {}", file.string(),
                                  std::filesystem::exists(file) ? "no file that can be read" : "nothing"));
  }
  const bool csv = file.extension() == ".csv";
  const auto own = std::ranges::find(detail::trace_fields, column, &detail::trace_field::name);
  trace_series series;
  try {
    if (own != detail::trace_fields.end())
      series = read_own(in, csv, *own);
    else if (!csv)
      series = read_other(in, column);
  } catch (const trace_error& error) {
    throw input_error(fmt::format("{}: {}", file.string(), error.what()));
  }
  if (series.records.empty())
    throw input_error(fmt::format("{}: expected values of {}, found none", file.string(), column));
  return series;
}

}  // namespace dvar::cli
