#include "cli/replay/trace_series.hpp"

#include <fmt/format.h>

#include <dvar/trace/log.hpp>
#include <dvar/trace/trace_error.hpp>

#include "error.hpp"

namespace dvar::cli {

trace_series read_series(const std::filesystem::path& file, const std::string& column) {
  const bool is_there = std::filesystem::exists(file);
  const bool is_folder = std::filesystem::is_directory(file);
  // Nothing is ever written into a FIFO that was left behind: opening it would wait for ever. A shell's pipe is below /dev.
  const bool is_pipe = file.string().starts_with("/dev/") && !is_folder;
  if (!std::filesystem::is_regular_file(file) && !is_folder && !is_pipe) {
    throw input_error(fmt::format("{}: expected a trace, found {}", file.string(),
                                  is_there ? "no file that can be read" : "nothing"));
  }
  try {
    logged_column read = read_log(file, column);
    const std::size_t last_step = read.records.back().step();
    return {.column = std::move(read.name),
            .records = std::move(read.records),
            .last_step = last_step,
            .columns = std::move(read.columns)};
  } catch (const trace_error& error) {
    throw input_error(fmt::format("{}: {}", file.string(), error.what()));
  }
}

}  // namespace dvar::cli
