#pragma once

#include "text/added_tokens.hpp"
#include "text/byte_pair_encoding.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dvar::text {

/// Everything that makes a CLIP tokenizer, as its files hold it.
struct clip_tokenizer_data {
  std::unordered_map<std::string, std::int64_t> vocabulary;  ///< token → id; the ids are 0 … n-1, each once
  std::vector<std::pair<std::string, std::string>> merges;   ///< best first
  /// Special and other added tokens, in order: one that is not in the vocabulary gets the next id; of two
  /// equal ones the last counts. `id` is not read.
  std::vector<added_token> added = {
      {.content = "<|startoftext|>", .normalized = false, .special = true},
      {.content = "<|endoftext|>", .normalized = false, .special = true},
  };
  std::string bos = "<|startoftext|>";
  std::string eos = "<|endoftext|>";
  std::string pad = "<|endoftext|>";
  std::string unk = "<|endoftext|>";  ///< for symbols that the vocabulary lacks; must be in it
  std::int64_t max_length = 77;       ///< ids of a prompt, bos and eos included; at least 2
};

/// CLIP's tokenizer: lower-cased byte-level byte-pair encoding with an end-of-word mark `</w>` (Radford et
/// al. 2021, arXiv 2103.00020, section 2.4).
///
/// Gives the ids of `CLIPTokenizer` of Hugging Face transformers 5, which stands on the `tokenizers` library,
/// for every text. Text is UTF-8; each ill-formed sequence reads as U+FFFD. Const members are safe to call
/// from several threads.
class clip_tokenizer {
 public:
  /// \throws dvar::input_error if the ids are no permutation of 0 … n-1, a merge or special token is not in
  ///         the vocabulary, or `max_length` < 2. `where` names the source in messages.
  explicit clip_tokenizer(clip_tokenizer_data data, const std::string& where = "CLIP tokenizer");

  /// Reads `tokenizer.json`, or `vocab.json` and `merges.txt` where it is missing, and where they are there
  /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`; what they leave open is as
  /// in `clip_tokenizer_data`.
  /// \throws dvar::input_error names the file, and line or key, at fault.
  [[nodiscard]] static clip_tokenizer from_directory(const std::filesystem::path& directory);

  /// bos, the text's ids, eos; the text is cut so that there are at most `max_length()` in all. Not padded.
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view utf8) const;

  /// The same, filled up with `pad_id()` to exactly `max_length()` ids.
  [[nodiscard]] std::vector<std::int64_t> encode_padded(std::string_view utf8) const;

  /// The text's ids alone: no bos, no eos, nothing cut.
  [[nodiscard]] std::vector<std::int64_t> encode_text(std::string_view utf8) const;

  /// Adds a token that stands for itself wherever it occurs in a text, and returns its id,
  /// `vocabulary_size()` before the call. As with `add_tokens` of transformers, it is looked for in the
  /// normalised text: upper and lower case are the same, it is found inside of words and beside punctuation
  /// too, and the longest of several added tokens wins.
  /// \throws dvar::input_error if the token is empty, has white space, is not valid UTF-8 or is there
  ///         already, be it in other upper or lower case.
  std::int64_t add_token(std::string_view token);

  /// Number of ids, added tokens included: rows that an embedding needs.
  [[nodiscard]] std::int64_t vocabulary_size() const { return static_cast<std::int64_t>(tokens_.size()); }

  /// The id of a token as the vocabulary spells it (`cat</w>`), or of an added token.
  [[nodiscard]] std::optional<std::int64_t> id(std::string_view token) const;

  /// The token of an id, as the vocabulary spells it. \throws std::out_of_range
  [[nodiscard]] const std::string& token(std::int64_t id) const;

  /// The text that a token stands for: `cat</w>` → `cat`; bytes that are no complete UTF-8 become U+FFFD.
  /// \throws std::out_of_range
  [[nodiscard]] std::string readable(std::int64_t id) const;

  /// True for a token of the vocabulary that ends a word (`…</w>`): a word, or the last part of one.
  /// \throws std::out_of_range
  [[nodiscard]] bool is_whole_word(std::int64_t id) const;

  /// True for bos, eos, pad, unk and the other special tokens of the files.
  [[nodiscard]] bool is_special(std::int64_t id) const;

  [[nodiscard]] std::int64_t bos_id() const { return bos_; }
  [[nodiscard]] std::int64_t eos_id() const { return eos_; }
  [[nodiscard]] std::int64_t pad_id() const { return pad_; }
  [[nodiscard]] std::int64_t max_length() const { return max_length_; }

 private:
  /// Gives the token an id and a matcher.
  std::int64_t register_added(added_token token);
  /// The added token of an id, or null.
  [[nodiscard]] const added_token* find_added(std::int64_t id) const;

  std::vector<std::string> tokens_;  ///< id → token
  std::unordered_map<std::string, std::int64_t> ids_;
  byte_pair_encoding encoding_;
  added_token_matcher raw_;         ///< added tokens that are found in the text as given
  added_token_matcher normalized_;  ///< and those that are found in the normalised text
  std::int64_t bos_ = 0;
  std::int64_t eos_ = 0;
  std::int64_t pad_ = 0;
  std::int64_t max_length_ = 77;
};

}  // namespace dvar::text
