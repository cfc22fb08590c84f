#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace dvar::text {

/// Returns the code points of a text. Each ill-formed sequence (its maximal part, as Unicode recommends)
/// becomes U+FFFD. Throws `dvar::input_error` when the text is longer than 1 GB.
[[nodiscard]] std::u32string decode_utf8(std::string_view utf8);

/// Appends one code point as UTF-8. Precondition: it is a Unicode scalar value.
void append_utf8(std::string& utf8, char32_t code_point);

/// Returns the code points as UTF-8. Precondition: all are Unicode scalar values.
[[nodiscard]] std::string encode_utf8(std::u32string_view code_points);

/// Returns the code point at the front of valid UTF-8 that is not empty, and how many bytes it has.
[[nodiscard]] std::pair<char32_t, std::size_t> front_of_utf8(std::string_view utf8);

/// Says which characters there are: those of later versions are unassigned to what asks for an earlier one.
/// Tokenizers whose tables are old must see a text as they did when their models were trained.
enum class unicode_version { v8 = 8, v9 = 9 };

/// Returns the text in normal form C, and below in D, with the characters of `version`.
[[nodiscard]] std::u32string compose(std::u32string_view text, unicode_version version);
[[nodiscard]] std::u32string decompose(std::u32string_view text, unicode_version version);

/// Returns whether the general category is Cc, Cf or Co; unassigned characters are none.
[[nodiscard]] bool is_control(char32_t code_point, unicode_version version);
/// Returns whether the general category is Mn.
[[nodiscard]] bool is_nonspacing_mark(char32_t code_point, unicode_version version);
/// Returns whether the general category is P.
[[nodiscard]] bool is_punctuation(char32_t code_point, unicode_version version);

[[nodiscard]] bool is_letter(char32_t code_point);  ///< general category L: `\p{L}`
[[nodiscard]] bool is_number(char32_t code_point);  ///< general category N: `\p{N}`
[[nodiscard]] bool is_space(char32_t code_point);   ///< property White_Space: `\s`
/// Whether it is a letter, mark, decimal digit or connector: `\w` (UTS 18, annex C).
[[nodiscard]] bool is_word(char32_t code_point);

/// Appends the lower-case form of one code point, whatever stands beside it (no final sigma).
void append_lower(std::u32string& text, char32_t code_point);

}  // namespace dvar::text
