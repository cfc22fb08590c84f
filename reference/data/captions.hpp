/// \file
/// Reads captions in text files beside the pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dvar::data {

/// Returns where the captions of a picture are: `cat.txt` for `cat.png`, in the same folder.
std::filesystem::path caption_file_of(const std::filesystem::path& picture);

/// Returns the captions of a picture: the lines of its caption file, without white space at their ends and
/// without those that are empty. UTF-8 with or without a byte-order mark; line ends of any system. Throws
/// `dvar::input_error` when the file is missing, cannot be read, is larger than a megabyte, is no UTF-8, or holds no
/// caption, and names picture and file.
std::vector<std::string> read_captions(const std::filesystem::path& picture);

}  // namespace dvar::data
