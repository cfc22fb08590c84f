#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dvar::text {

/// Returns the text as CLIP's tokenizer reads it: normal form C (of Unicode 9, as in the tokenizers library),
/// each run of white space one space, lower case character by character. Ill-formed UTF-8 becomes U+FFFD.
[[nodiscard]] std::string normalize_for_clip(std::string_view utf8);

/// Returns the words of a normalized text, in order, as views of it; white space is left out. A word is the
/// longest match of
/// `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+`, and the two
/// bracketed names then fall into three words (`<|`, `endoftext`, `|>`), because the tokenizers library
/// splits each match once more with GPT-2's pattern. The special tokens proper are taken out before
/// (added_tokens.hpp). Precondition: `normalized` is UTF-8.
[[nodiscard]] std::vector<std::string_view> split_clip_words(std::string_view normalized);

}  // namespace dvar::text
