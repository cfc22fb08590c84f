#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dvar::text {

struct bert_normalization {
  bool lower_case = true;
  bool strip_accents = true;
  bool space_ideographs = true;  ///< puts spaces around CJK ideographs
};

/// Returns the text as BERT's tokenizer reads it: without NUL, U+FFFD, control, format and private-use
/// characters; each white space a space; then, where the form says so, CJK ideographs with spaces around
/// them, decomposed (form D) without non-spacing marks, and lower case character by character. Ill-formed
/// UTF-8 becomes U+FFFD, and so nothing.
///
/// The `tokenizers` library, which this equals, knows the characters of Unicode 8, and decomposes those of Unicode 9:
/// later ones are left as they are.
[[nodiscard]] std::string normalize_for_bert(std::string_view utf8, const bert_normalization& form = {});

/// Returns the words of a normalized text, in order, as views of it: runs between white space, and
/// punctuation characters one by one. Punctuation is every ASCII character that is no letter, digit or
/// control, and what Unicode 8 calls so. Precondition: `normalized` is UTF-8.
[[nodiscard]] std::vector<std::string_view> split_bert_words(std::string_view normalized);

}  // namespace dvar::text
