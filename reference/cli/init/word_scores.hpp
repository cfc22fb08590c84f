#pragma once

#include <filesystem>

#include "cli/options/accepted_values.hpp"
#include "evaluation/word_ranking.hpp"

namespace dvar::cli {

/// Says where scores of a vocabulary are kept, so that they are computed once for a CLIP, pictures and prompts.
struct word_cache_choice {
  /// Names the directory; empty for `dvar` below the user's cache directory, if there is one.
  std::filesystem::path directory;
  bool off = false;
};

/// Returns the directory of the choice; empty where nothing is to be kept.
std::filesystem::path cache_directory(const word_cache_choice& choice);

struct vocabulary_ranking {
  const std::filesystem::path& directory;  ///< is the model's
  const text::tokenizer& tokenizer;        ///< is the model's
  const evaluation::clip_scorer& scorer;
  std::filesystem::path scorer_directory;
  const at::Tensor& pictures;  ///< float32 [n, 3, S, S] in [-1, 1]
  std::int64_t templates = 4;
  word_cache_choice cache;
  bool quiet = false;
};

/// Ranks the model's words by their CLIP similarity to the pictures, best first, from the cache if it has
/// them; with a progress bar if not. Throws `dvar::input_error` when the model has no words.
std::vector<evaluation::ranked_word> rank_vocabulary(const vocabulary_ranking& what);

/// Returns in how many prompts a word can be scored: as many as there are templates.
interval template_counts();

}  // namespace dvar::cli
