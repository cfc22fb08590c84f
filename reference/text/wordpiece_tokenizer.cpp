#include "text/wordpiece_tokenizer.hpp"

#include "text/bert_words.hpp"
#include "text/wordpiece.hpp"

namespace dvar::text {
namespace {

class bert_word_encoder : public word_encoder {
 public:
  bert_word_encoder(wordpiece pieces, const bert_normalization& form)
      : pieces_(std::move(pieces)), form_(form) {}

  [[nodiscard]] std::string normalize(std::string_view utf8) const override {
    return normalize_for_bert(utf8, form_);
  }

  void encode(std::string_view normalized, std::vector<std::int64_t>& ids) const override {
    for (const auto word : split_bert_words(normalized))
      pieces_.encode(word, ids);
  }

  [[nodiscard]] std::string readable(std::string_view token) const override {
    return std::string(is_whole_word(token) ? token : token.substr(continuation.size()));
  }

  [[nodiscard]] bool is_whole_word(std::string_view token) const override {
    return !token.starts_with(continuation);
  }

 private:
  wordpiece pieces_;
  bert_normalization form_;
};

}  // namespace

wordpiece_tokenizer::wordpiece_tokenizer(wordpiece_tokenizer_data data, const std::string& location)
    : tokenizer(parts_of(std::move(data), location), location) {}

tokenizer::parts wordpiece_tokenizer::parts_of(wordpiece_tokenizer_data data, const std::string& location) {
  vocabulary entries(data.vocabulary, location);
  wordpiece pieces(entries, entries.require("unk_token", data.unk, location));
  return {
      .entries = std::move(entries),
      .words = std::make_shared<bert_word_encoder>(
          std::move(pieces), bert_normalization{.lower_case = data.lower_case,
                                                .strip_accents = data.strip_accents.value_or(data.lower_case),
                                                .space_ideographs = data.tokenize_chinese_chars}),
      .added = std::move(data.added),
      .first = {"cls_token", data.cls},
      .last = {"sep_token", data.sep},
      .pad = {"pad_token", data.pad},
      .max_length = data.max_length};
}

}  // namespace dvar::text
