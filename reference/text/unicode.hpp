#pragma once

#include <string>
#include <string_view>

namespace dvar::text {

/// Code points of a text. Each ill-formed sequence (its maximal part, as Unicode recommends) becomes U+FFFD.
/// \throws dvar::input_error if the text is longer than 1 GB.
[[nodiscard]] std::u32string decode_utf8(std::string_view utf8);

/// Appends one code point as UTF-8. Precondition: it is a Unicode scalar value.
void append_utf8(std::string& utf8, char32_t code_point);

/// Normal form C. Ill-formed input as in `decode_utf8`.
[[nodiscard]] std::u32string decode_nfc(std::string_view utf8);

[[nodiscard]] bool is_letter(char32_t code_point);  ///< general category L: `\p{L}`
[[nodiscard]] bool is_number(char32_t code_point);  ///< general category N: `\p{N}`
[[nodiscard]] bool is_space(char32_t code_point);   ///< property White_Space: `\s`
[[nodiscard]] bool is_word(
    char32_t code_point);  ///< letter, mark, decimal digit, connector: `\w` (UTS 18, annex C)

/// Appends the lower-case form of one code point, whatever stands beside it (no final sigma).
void append_lower(std::u32string& text, char32_t code_point);

}  // namespace dvar::text
