#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dvar::text {

/// Reads text and splits words: what makes one kind of tokenizer differ from another. Implementations are
/// immutable, and safe to call from several threads.
class word_encoder {
 public:
  word_encoder() = default;
  word_encoder(const word_encoder&) = delete;
  word_encoder& operator=(const word_encoder&) = delete;
  virtual ~word_encoder() = default;

  /// Returns the text as the tokenizer reads it (lower case, for example); UTF-8 in, UTF-8 out.
  [[nodiscard]] virtual std::string normalize(std::string_view utf8) const = 0;

  /// Appends the ids of a normalized text.
  virtual void encode(std::string_view normalized, std::vector<std::int64_t>& ids) const = 0;

  /// Returns the text that a token of the vocabulary stands for.
  [[nodiscard]] virtual std::string readable(std::string_view token) const = 0;

  /// Returns whether a token of the vocabulary can be a whole word.
  [[nodiscard]] virtual bool is_whole_word(std::string_view token) const = 0;
};

}  // namespace dvar::text
