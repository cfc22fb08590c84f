#include "text/clip_tokenizer.hpp"

#include "text/byte_alphabet.hpp"
#include "text/byte_pair_encoding.hpp"
#include "text/clip_words.hpp"
#include "text/unicode.hpp"

namespace dvar::text {
namespace {

class clip_word_encoder : public word_encoder {
 public:
  explicit clip_word_encoder(byte_pair_encoding encoding) : encoding_(std::move(encoding)) {}

  [[nodiscard]] std::string normalize(std::string_view utf8) const override {
    return normalize_for_clip(utf8);
  }

  void encode(std::string_view normalized, std::vector<std::int64_t>& ids) const override {
    for (const auto word : split_clip_words(normalized))
      encoding_.encode(word, ids);
  }

  /// Returns the token's text; bytes that are no complete UTF-8 become U+FFFD.
  [[nodiscard]] std::string readable(std::string_view token) const override {
    if (is_whole_word(token)) token.remove_suffix(word_end.size());
    std::string bytes;
    for (const auto symbol : decode_utf8(token))
      if (const auto byte = byte_of(symbol)) bytes.push_back(static_cast<char>(*byte));
    return encode_utf8(decode_utf8(bytes));
  }

  [[nodiscard]] bool is_whole_word(std::string_view token) const override {
    return token.ends_with(word_end);
  }

 private:
  byte_pair_encoding encoding_;
};

}  // namespace

clip_tokenizer::clip_tokenizer(clip_tokenizer_data data, const std::string& location)
    : tokenizer(parts_of(std::move(data), location), location) {}

tokenizer::parts clip_tokenizer::parts_of(clip_tokenizer_data data, const std::string& location) {
  vocabulary entries(data.vocabulary, location);
  const auto unknown = entries.require("unk_token", data.unk, location);
  return {.entries = std::move(entries),
          .words = std::make_shared<clip_word_encoder>(
              byte_pair_encoding(data.vocabulary, data.merges, unknown, location)),
          .added = std::move(data.added),
          .first = {"bos_token", data.bos},
          .last = {"eos_token", data.eos},
          .pad = {"pad_token", data.pad},
          .max_length = data.max_length};
}

}  // namespace dvar::text
