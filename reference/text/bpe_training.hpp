#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dvar::text {

/// Counts how often each word occurs. Words are those of `clip_words` (normalized, split), in UTF-8.
using word_counts = std::map<std::string, std::int64_t, std::less<>>;

/// Adds the words of a text, split as the CLIP tokenizer splits them.
void count_words(std::string_view utf8, word_counts& counts);

struct bpe_training_options {
  /// The number of entries of the vocabulary: 512 for the bytes with and without end-of-word mark, 2 special
  /// tokens, the rest merges.
  std::int64_t vocabulary_size = 8192;
  /// The least number of times that a pair must occur to be merged.
  std::int64_t minimum_count = 2;
};

/// Holds a learned vocabulary, laid out as CLIP's: bytes, bytes with `</w>`, merges in order,
/// `<|startoftext|>`, `<|endoftext|>`.
struct bpe_vocabulary {
  std::vector<std::string> tokens;  ///< by id
  std::vector<std::pair<std::string, std::string>> merges;
};

/// Learns a byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909): merges the most frequent pair until
/// the vocabulary is full or no pair is frequent enough, so the result may have fewer entries than asked for.
/// Of equally frequent pairs the one that is first in byte order is merged: the same counts give the same
/// vocabulary everywhere. Complexity: O(total length of the words + merges · log) amortized. Throws
/// `dvar::input_error` when `vocabulary_size` < 514, `minimum_count` < 1 or a count is negative.
[[nodiscard]] bpe_vocabulary train_bpe(const word_counts& counts, const bpe_training_options& options = {});

/// Writes `vocab.json`, `merges.txt`, `tokenizer_config.json` and `special_tokens_map.json`: what
/// `clip_tokenizer::from_directory` and `CLIPTokenizer.from_pretrained` of transformers load. Creates the
/// directory. Throws `dvar::input_error` when a file cannot be written.
void write_clip_tokenizer(const std::filesystem::path& directory, const bpe_vocabulary& vocabulary,
                          std::int64_t max_length = 77);

}  // namespace dvar::text
