#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dvar::data {

/// Holds a text of a PNG file, and what it is called.
struct png_text {
  std::string keyword;  ///< 1 to 79 characters of ASCII, as `parameters`
  std::string text;     ///< UTF-8 without a byte 0; lines end in a line feed
};

/// Returns the bytes of a PNG file with texts put in front of its pixels: a chunk tEXt where the text is Latin-1, as its
/// definition wants, else iTXt (PNG, third edition, 11.3.3). Throws `std::invalid_argument` when `png` does not begin as a PNG
/// file, or a keyword or a text is none.
std::string with_texts(std::string_view png, const std::vector<png_text>& texts);

/// Reads the texts of a PNG file, in their order: chunks of tEXt and iTXt, as UTF-8; of a compressed one, `(compressed)`. Throws
/// `dvar::input_error`, which names the file, when it cannot be read, is none, or is broken, or a text is longer than 1 MB.
std::vector<png_text> read_png_texts(const std::filesystem::path& file);

}  // namespace dvar::data
