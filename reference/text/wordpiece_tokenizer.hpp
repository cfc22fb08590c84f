#pragma once

#include "text/tokenizer.hpp"

namespace dvar::text {

struct tokenizer_files;

/// Holds everything that makes a BERT tokenizer, as its files hold it.
struct wordpiece_tokenizer_data {
  std::unordered_map<std::string, std::int64_t> vocabulary;  ///< token → id; the ids are 0 … n-1, each once
  /// Special and other added tokens, as in `clip_tokenizer_data`.
  std::vector<added_token> added = {
      {.content = "[UNK]", .normalized = false, .special = true},
      {.content = "[SEP]", .normalized = false, .special = true},
      {.content = "[PAD]", .normalized = false, .special = true},
      {.content = "[CLS]", .normalized = false, .special = true},
      {.content = "[MASK]", .normalized = false, .special = true},
  };
  std::string cls = "[CLS]";
  std::string sep = "[SEP]";
  std::string pad = "[PAD]";
  std::string unk = "[UNK]";            ///< for words that cannot be split; must be in the vocabulary
  bool lower_case = true;               ///< `do_lower_case`
  std::optional<bool> strip_accents;    ///< where it is not given, as `lower_case`
  bool tokenize_chinese_chars = true;   ///< each CJK ideograph is a word
  std::int64_t max_length = 1'000'000;  ///< ids of a prompt, both ends included; at least 2
};

/// Turns prompts into ids as BERT does (Devlin et al., arXiv 1810.04805): words are split at white space and
/// punctuation, then into the longest pieces of the vocabulary from the left (WordPiece, Wu et al., arXiv
/// 1609.08144); pieces that do not begin a word have `##` before them.
///
/// It gives the ids of `BertTokenizer` of Hugging Face transformers 5, which stands on the `tokenizers`
/// library, for every text.
class wordpiece_tokenizer : public tokenizer {
 public:
  /// Makes the tokenizer. Throws `dvar::input_error` when `clip_tokenizer` would.
  explicit wordpiece_tokenizer(wordpiece_tokenizer_data data, const std::string& location = "BERT tokenizer");

  /// Reads the vocabulary of `tokenizer.json`, or `vocab.txt` where it is missing, and where they are there
  /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`; what they leave open is as
  /// in `wordpiece_tokenizer_data`. Throws `dvar::input_error` when one of them is missing or wrong, and
  /// names the file, and line or key.
  [[nodiscard]] static wordpiece_tokenizer from_directory(const std::filesystem::path& directory);

  /// Makes the tokenizer of files that are open already; throws as `from_directory`.
  [[nodiscard]] static wordpiece_tokenizer from_files(const tokenizer_files& files);

 private:
  static parts parts_of(wordpiece_tokenizer_data data, const std::string& location);
};

/// Returns whether the files of a tokenizer are those of a `wordpiece_tokenizer`.
[[nodiscard]] bool holds_wordpiece(const tokenizer_files& files);

}  // namespace dvar::text
