#pragma once

#include <filesystem>
#include <string>

namespace dvar::weights {

/// Returns the bytes of a file that is read as a whole (JSON, merges; not weights). Throws
/// `dvar::input_error`, which names the file, when it is missing, unreadable, no regular file, or larger than
/// 1 GB.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

}  // namespace dvar::weights
