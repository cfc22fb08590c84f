#pragma once

#include <filesystem>
#include <memory>

#include "text/added_tokens.hpp"
#include "text/vocabulary.hpp"
#include "text/word_encoder.hpp"

namespace dvar::text {

/// Turns prompts into the ids of a text encoder. It is a value: copies are independent of each other.
///
/// This is what all kinds share: special and added tokens, which are taken out of a text before its words are
/// split, the ids at both ends, cutting and padding. How words are split is the business of a `word_encoder`;
/// the kinds, `clip_tokenizer` and `wordpiece_tokenizer`, are made of one and their files. Text is UTF-8;
/// each ill-formed sequence reads as U+FFFD. Const members are safe to call from several threads.
class tokenizer {
 public:
  /// Reads a directory of either kind: WordPiece if it has `vocab.txt` or a `tokenizer.json` whose model is
  /// WordPiece, else CLIP's. Throws `dvar::input_error` when a file is missing or wrong, and names the file,
  /// and line or key.
  [[nodiscard]] static tokenizer from_directory(const std::filesystem::path& directory);

  /// Returns the first id, the text's ids and the last id, not padded. The text is cut so that there are at
  /// most `max_length()` in all.
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view utf8) const;

  /// Returns the ids of `encode`, filled up with `pad_id()` to exactly `max_length()`.
  [[nodiscard]] std::vector<std::int64_t> encode_padded(std::string_view utf8) const;

  /// Returns the text's ids alone: none at its ends, nothing cut.
  [[nodiscard]] std::vector<std::int64_t> encode_text(std::string_view utf8) const;

  /// Adds a token that stands for itself wherever it occurs in a text, and returns its id,
  /// `vocabulary_size()` before the call. As with `add_tokens` of transformers, it is looked for in the
  /// normalized text: where that is lower case, upper and lower case are the same; it is found inside of
  /// words and beside punctuation too, and the longest of several added tokens wins. Throws
  /// `dvar::input_error` when the token is empty, has white space, is not valid UTF-8 or is there already, be
  /// it in another form that is the same to the tokenizer.
  std::int64_t add_token(std::string_view token);

  /// Limits prompts to `length` ids, where the files allow more. Throws `dvar::input_error` when `length` < 2.
  void limit_length(std::int64_t length);

  /// Returns the number of ids, added tokens included: the rows that an embedding needs.
  [[nodiscard]] std::int64_t vocabulary_size() const { return vocabulary_.size(); }

  /// Returns the id of a token as the vocabulary spells it (`cat</w>` with CLIP), or of an added token.
  [[nodiscard]] std::optional<std::int64_t> id(std::string_view token) const {
    return vocabulary_.find(token);
  }

  /// Returns the token of an id, as the vocabulary spells it. Throws `std::out_of_range` when there is no
  /// such id.
  [[nodiscard]] const std::string& token(std::int64_t id) const { return vocabulary_.token(id); }

  /// Returns the text that a token stands for: `cat</w>` → `cat`, `##ing` → `ing`. Throws `std::out_of_range`
  /// when there is no such id.
  [[nodiscard]] std::string readable(std::int64_t id) const;

  /// Returns whether a token of the vocabulary can be a word by itself (CLIP's may also be the last part of
  /// one). Throws `std::out_of_range` when there is no such id.
  [[nodiscard]] bool is_whole_word(std::int64_t id) const;

  /// Returns whether the id stands at the ends, for padding or unknown parts, or is another special token of
  /// the files.
  [[nodiscard]] bool is_special(std::int64_t id) const;

  [[nodiscard]] std::int64_t first_id() const { return first_; }
  [[nodiscard]] std::int64_t last_id() const { return last_; }
  [[nodiscard]] std::int64_t pad_id() const { return pad_; }
  [[nodiscard]] std::int64_t max_length() const { return max_length_; }

 protected:
  /// Names a token and what the files call its part, such as `bos_token`.
  struct named_token {
    std::string role;
    std::string token;
  };

  struct parts {
    vocabulary entries;
    std::shared_ptr<const word_encoder> words;
    std::vector<added_token> added;  ///< of two equal ones the last counts
    named_token first;
    named_token last;
    named_token pad;
    std::int64_t max_length;
  };

  /// Makes a tokenizer of its parts. Throws `dvar::input_error`, which names `location`, when one of the named
  /// tokens is not there, or `max_length` < 2.
  tokenizer(parts given, const std::string& location);

 private:
  /// Gives the token an id and a matcher.
  std::int64_t register_added(added_token token);
  /// Returns the added token of an id, or null.
  [[nodiscard]] const added_token* find_added(std::int64_t id) const;

  vocabulary vocabulary_;
  std::shared_ptr<const word_encoder> words_;
  /// Added tokens that are found in the text as given.
  added_token_matcher raw_;
  /// Added tokens that are found in the normalized text.
  added_token_matcher normalized_;
  std::int64_t first_ = 0;
  std::int64_t last_ = 0;
  std::int64_t pad_ = 0;
  std::int64_t max_length_ = 0;
};

}  // namespace dvar::text
