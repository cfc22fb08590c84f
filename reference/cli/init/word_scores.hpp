#pragma once

#include <filesystem>

#include "evaluation/word_ranking.hpp"

namespace dvar::cli {

/// Where scores of a vocabulary are kept, so that they are computed once for a CLIP, pictures and prompts.
struct word_cache_choice {
  std::filesystem::path directory;  ///< empty: `dvar` below the user's cache directory, if there is one
  bool off = false;
};

struct vocabulary_ranking {
  const std::filesystem::path& directory;  ///< of the model
  const text::tokenizer& tokenizer;        ///< the model's
  const evaluation::clip_scorer& scorer;
  std::filesystem::path scorer_directory;
  const at::Tensor& pictures;  ///< float32 [n, 3, S, S] in [-1, 1]
  std::int64_t templates = 4;
  word_cache_choice cache;
  bool quiet = false;
};

/// The model's words by their CLIP similarity to the pictures, best first, from the cache if it has them; with a
/// progress bar if not. \throws dvar::input_error if the model has no words.
std::vector<evaluation::ranked_word> rank_vocabulary(const vocabulary_ranking& what);

/// \throws dvar::input_error unless there are so many prompt templates.
void check_template_count(std::int64_t count, const char* option);

}  // namespace dvar::cli
