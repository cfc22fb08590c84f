#pragma once

#include <utility>

#include "text/tokenizer.hpp"

namespace dvar::text {

struct tokenizer_files;

/// Holds everything that makes a CLIP tokenizer, as its files hold it.
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

/// Turns prompts into ids as CLIP does: lower-cased byte-level byte-pair encoding with an end-of-word mark
/// `</w>` (Radford et al. 2021, arXiv 2103.00020, section 2.4).
///
/// It gives the ids of `CLIPTokenizer` of Hugging Face transformers 5, which stands on the `tokenizers`
/// library, for every text. Beyond its construction it is a `tokenizer` like others.
class clip_tokenizer : public tokenizer {
 public:
  /// Makes the tokenizer. Throws `dvar::input_error`, which names `location`, when the ids are no permutation of
  /// 0 … n-1, a merge or special token is not in the vocabulary, or `max_length` < 2.
  explicit clip_tokenizer(clip_tokenizer_data data, const std::string& location = "CLIP tokenizer");

  /// Reads `tokenizer.json`, or `vocab.json` and `merges.txt` where it is missing, and where they are there
  /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`; what they leave open is as
  /// in `clip_tokenizer_data`. Throws `dvar::input_error` when one of them is missing or wrong, and names the
  /// file, and line or key.
  [[nodiscard]] static clip_tokenizer from_directory(const std::filesystem::path& directory);

  /// Makes the tokenizer of files that are open already; throws as `from_directory`.
  [[nodiscard]] static clip_tokenizer from_files(const tokenizer_files& files);

  [[nodiscard]] std::int64_t bos_id() const { return first_id(); }
  [[nodiscard]] std::int64_t eos_id() const { return last_id(); }

 private:
  static parts parts_of(clip_tokenizer_data data, const std::string& location);
};

}  // namespace dvar::text
