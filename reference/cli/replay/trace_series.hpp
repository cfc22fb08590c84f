#pragma once

#include <filesystem>
#include <string>

#include <dvar/trace/trace_record.hpp>

namespace dvar::cli {

/// A column of a trace.
struct trace_series {
  trace records;  ///< those that have a value, as their probe loss: what `dvar::replay` shows to a rule
  std::size_t last_step = 0;  ///< of the whole trace
};

/// Reads a column from JSON lines or (by the extension `.csv`) CSV. Columns beside the toolkit's own, such as `clip_score`, are read from JSON lines only.
/// \throws dvar::input_error if the file cannot be read, is no trace, or has no such column.
trace_series read_series(const std::filesystem::path& file, const std::string& column);

}  // namespace dvar::cli
