/// \file
/// Reads captions in text files beside the pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dvar::data {

/// Returns where the captions of a picture are: `cat.txt` for `cat.png`, in the same folder.
std::filesystem::path caption_file_of(const std::filesystem::path& picture);

/// Returns the captions of a picture: the lines of its caption file, as `read_lines` has them. Throws `dvar::input_error` when the
/// file is missing, and names picture and file, or when `read_lines` does.
std::vector<std::string> read_captions(const std::filesystem::path& picture);

}  // namespace dvar::data
