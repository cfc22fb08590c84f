#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <dvar/trace/trace.hpp>

namespace dvar::cli {

/// Holds one column of a recorded run.
struct trace_series {
  /// Holds a record a step, with the column's value where there is one.
  trace records;
  /// Holds the last step of the trace.
  std::size_t last_step = 0;
};

/// Reads a column from JSON lines or (by the extension `.csv`) CSV. Throws `dvar::input_error` when the file cannot be read,
/// is no trace, or has no values of this column.
trace_series read_series(const std::filesystem::path& file, const std::string& column);

}  // namespace dvar::cli
