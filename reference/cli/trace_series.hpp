#pragma once

#include <dvar/trace/trace_record.hpp>
#include <filesystem>
#include <string>

namespace dvar::cli {

/// A column of a trace, JSON lines or (by the extension `.csv`) CSV, as the probe losses of records: what
/// `dvar::replay` shows to a rule. Columns beside the toolkit's own, such as `clip_score`, are read from JSON lines only.
/// \throws dvar::input_error if the file cannot be read, is no trace, or has no such column.
trace read_series(const std::filesystem::path& file, const std::string& column);

}  // namespace dvar::cli
