#include "cli/replay/trace_series.hpp"

#include <fstream>
#include <optional>

#include <fmt/format.h>

#include <dvar/trace/csv.hpp>
#include <dvar/trace/json_lines.hpp>

#include "error.hpp"

namespace dvar::cli {

trace_series read_series(const std::filesystem::path& file, const std::string& column) {
  const bool is_there = std::filesystem::exists(file);
  // Nothing is ever written into a FIFO that was left behind: opening it would wait for ever. A shell's pipe is below /dev.
  const bool is_pipe = file.string().starts_with("/dev/") && !std::filesystem::is_directory(file);
  std::ifstream in;
  if (std::filesystem::is_regular_file(file) || is_pipe) in.open(file);
  if (!in.is_open()) {
    throw input_error(fmt::format("{}: expected a trace, found {}", file.string(),
                                  is_there ? "no file that can be read" : "nothing"));
  }
  trace_series series;
  try {
    series.records = file.extension() == ".csv" ? read_csv(in, {column}) : read_json_lines(in, {column});
  } catch (const trace_error& error) {
    throw input_error(fmt::format("{}: {}", file.string(), error.what()));
  }
  // Streams catch what is thrown in them, lack of memory too, and only look as if the file had ended.
  if (in.bad())
    throw input_error(
        fmt::format("{}: cannot be read to its end; is there too little memory?", file.string()));
  bool has_values = false;
  std::optional<std::size_t> before;
  for (const trace_record& record : series.records) {
    if (before && record.step() <= *before) {
      throw input_error(fmt::format("{}: expected steps that rise, found {} behind {}", file.string(),
                                    record.step(), *before));
    }
    before = record.step();
    has_values = has_values || !record.empty();
  }
  if (!has_values)
    throw input_error(fmt::format("{}: expected values of {}, found none", file.string(), column));
  series.last_step = series.records.back().step();
  return series;
}

}  // namespace dvar::cli
