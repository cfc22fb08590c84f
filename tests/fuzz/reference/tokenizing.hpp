#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "../target.hpp"
#include "text/tokenizer.hpp"

namespace dvar::fuzz {

/// Checks that any bytes are a text, and become ids of the vocabulary: with both ends, cut and padded.
inline void check_tokenizer(const text::tokenizer& tokenizer, const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto ids = tokenizer.encode_text(text);
  expect(
      std::ranges::all_of(ids, [&](std::int64_t id) { return id >= 0 && id < tokenizer.vocabulary_size(); }),
      "ids are of the vocabulary");

  const auto whole = tokenizer.encode(text);
  const auto longest = static_cast<std::size_t>(tokenizer.max_length());
  expect(whole.size() == std::min(ids.size() + 2, longest), "a text is cut to the longest length");
  expect(whole.front() == tokenizer.first_id() && whole.back() == tokenizer.last_id(),
         "a text has a beginning and an end");
  expect(std::equal(whole.begin() + 1, whole.end() - 1, ids.begin()), "the ids are the same");

  const auto padded = tokenizer.encode_padded(text);
  expect(padded.size() == longest && std::equal(whole.begin(), whole.end(), padded.begin()),
         "padding comes behind");
}

/// Returns texts with everything that tokenizers take special care of.
inline std::vector<std::string> texts() {
  return {
      "a photo of a <cat>, a flat drawing of a red apple!",
      "don't we'll I'd <|startoftext|> [CLS] [MASK]<|endoftext|> <CAT>_1<cat>",
      "3.14 + 2,71 = 5\t\r\n  1/2 ½ ² Ⅳ 一二三",
      "Ünïcödé e\u0301 ﬁ İ ß+ ǆ \u1e9e",
      "中文字符 日本語 한국어 \U0001F680\U0001F468\u200d\U0001F469\u200d\U0001F467 \u200f",
      std::string("\0\x01\x7f\x80\xff\xc3\x28\xed\xa0\x80\xf4\x90\x80\x80", 14),
      "",
  };
}

}  // namespace dvar::fuzz
