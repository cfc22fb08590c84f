#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <dvar/trace/trace.hpp>

namespace dvar::cli {

/// Holds one column of a recorded run.
struct trace_series {
  /// Names the column.
  std::string column;
  /// Holds a record a step, with the column's value where there is one.
  trace records;
  /// Holds the last step of the trace.
  std::size_t last_step = 0;
  /// Names the columns of numbers that the trace has.
  std::vector<std::string> columns{};
};

/// Reads a column of a run's trace, or of a log of another program, as `read_log` does. An empty name is the column that is clear
/// from the log. Throws `dvar::input_error` when the file cannot be read, is no such log, or has no values of this column.
trace_series read_series(const std::filesystem::path& file, const std::string& column);

}  // namespace dvar::cli
