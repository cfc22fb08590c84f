/// \file
/// Reads files in which a line is a text of its own: captions, prompts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dvar::data {

/// Says what the lines of a file are, for messages: `the captions cat.txt: expected a line with a caption`.
struct line_names {
  const char* all;
  const char* one;
};

/// Returns the lines of a file, without white space at their ends and without those that are empty. UTF-8 with or without a
/// byte-order mark; line ends of any system. Throws `dvar::input_error` when the file cannot be read, is larger than a megabyte,
/// is no UTF-8, or has no line, and names it.
std::vector<std::string> read_lines(const std::filesystem::path& file, const line_names& names);

}  // namespace dvar::data
