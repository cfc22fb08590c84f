#include "cli/replay/trace_series.hpp"

#include <fstream>

#include <fmt/format.h>

#include <dvar/trace/csv.hpp>
#include <dvar/trace/json_lines.hpp>

#include "error.hpp"

namespace dvar::cli {

trace_series read_series(const std::filesystem::path& file, const std::string& column) {
  std::ifstream in{file};
  if (!in || std::filesystem::is_directory(file)) {
    throw input_error(fmt::format("{}: expected a trace, found {}", file.string(),
                                  std::filesystem::exists(file) ? "no file that can be read" : "nothing"));
  }
  trace_series series;
  try {
    series.records = file.extension() == ".csv" ? read_csv(in, {column}) : read_json_lines(in, {column});
  } catch (const trace_error& error) {
    throw input_error(fmt::format("{}: {}", file.string(), error.what()));
  }
  bool has_values = false;
  for (const trace_record& record : series.records)
    has_values = has_values || !record.empty();
  if (!has_values)
    throw input_error(fmt::format("{}: expected values of {}, found none", file.string(), column));
  series.last_step = series.records.back().step();
  return series;
}

}  // namespace dvar::cli
