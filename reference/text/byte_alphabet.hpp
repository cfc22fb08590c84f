#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace dvar::text {

/// The mark that CLIP puts behind the last symbol of a word.
inline constexpr std::string_view word_end = "</w>";

/// Returns a visible character for each byte (UTF-8), with which vocabularies of byte-level encodings are written:
/// printable Latin-1 stands for itself, the n-th of the other bytes is U+0100 + n (GPT-2's `bytes_to_unicode`).
[[nodiscard]] const std::array<std::string, 256>& byte_symbols();

/// Returns the bytes in the order of GPT-2's and CLIP's vocabularies: printable ones first.
[[nodiscard]] const std::array<unsigned char, 256>& vocabulary_byte_order();

/// Returns the byte that a character stands for.
[[nodiscard]] std::optional<unsigned char> byte_of(char32_t symbol);

}  // namespace dvar::text
