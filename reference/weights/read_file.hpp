#pragma once

#include <filesystem>
#include <string>

namespace dvar::weights {

/// The bytes of a file that is read as a whole (JSON, merges; not weights).
/// \throws dvar::input_error names the file: missing, unreadable, no regular file, or larger than 1 GB.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

}  // namespace dvar::weights
