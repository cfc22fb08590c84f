#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace dvar::text {

/// Code points of a text. Each ill-formed sequence (its maximal part, as Unicode recommends) becomes U+FFFD.
/// \throws dvar::input_error if the text is longer than 1 GB.
[[nodiscard]] std::u32string decode_utf8(std::string_view utf8);

/// Appends one code point as UTF-8. Precondition: it is a Unicode scalar value.
void append_utf8(std::string& utf8, char32_t code_point);

/// Precondition: all are Unicode scalar values.
[[nodiscard]] std::string encode_utf8(std::u32string_view code_points);

/// The code point at the front of valid UTF-8 that is not empty, and its bytes.
[[nodiscard]] std::pair<char32_t, std::size_t> front_of_utf8(std::string_view utf8);

/// Characters that came with a later version are unassigned to what asks for an earlier one: tokenizers whose tables
/// are old must see a text as they did when their models were trained.
enum class unicode_version { v8 = 8, v9 = 9 };

/// Normal forms C and D, with the characters of `version`.
[[nodiscard]] std::u32string compose(std::u32string_view text, unicode_version version);
[[nodiscard]] std::u32string decompose(std::u32string_view text, unicode_version version);

/// General categories Cc, Cf, Co; not the unassigned.
[[nodiscard]] bool is_control(char32_t code_point, unicode_version version);
/// General category Mn.
[[nodiscard]] bool is_nonspacing_mark(char32_t code_point, unicode_version version);
/// General category P.
[[nodiscard]] bool is_punctuation(char32_t code_point, unicode_version version);

[[nodiscard]] bool is_letter(char32_t code_point);  ///< general category L: `\p{L}`
[[nodiscard]] bool is_number(char32_t code_point);  ///< general category N: `\p{N}`
[[nodiscard]] bool is_space(char32_t code_point);   ///< property White_Space: `\s`
[[nodiscard]] bool is_word(
    char32_t code_point);  ///< letter, mark, decimal digit, connector: `\w` (UTS 18, annex C)

/// Appends the lower-case form of one code point, whatever stands beside it (no final sigma).
void append_lower(std::u32string& text, char32_t code_point);

}  // namespace dvar::text
