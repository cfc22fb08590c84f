#pragma once

#include <filesystem>
#include <optional>

#include "cli/init/word_scores.hpp"
#include "diffusion/latent_diffusion.hpp"

namespace dvar::cli {

/// `--init` and what goes with it.
struct initial_choice {
  std::string text = "best";  ///< best, worst, random, token:WORD[+WORD…] or file:PATH
  std::string mode =
      "mean";  ///< what a word of several tokens becomes: `mean` is one vector, `spread` as many
  std::optional<std::int64_t> vectors;
  std::int64_t templates = 4;  ///< how many prompts a word is scored in
  word_cache_choice cache;
};

/// Vectors that a new token begins as.
struct initial_embedding {
  std::string words;   ///< what they are, for people: `apple`, `red+apple`
  at::Tensor vectors;  ///< float32 [vectors, width], on the model's device
};

/// What stands ready to choose by.
struct initial_context {
  const std::filesystem::path& directory;  ///< of the model
  const diffusion::latent_diffusion& model;
  const evaluation::clip_scorer* scorer;  ///< null where there is no CLIP
  std::filesystem::path scorer_directory;
  const at::Tensor& pictures;  ///< float32 [n, 3, S, S] in [-1, 1]
  std::uint64_t seed = 0;
  bool quiet = false;
};

/// Refuses what cannot be read as a choice, before anything is opened. \throws dvar::input_error
void check(const initial_choice& choice);

/// \throws dvar::input_error if a word is none of the model's, a file does not fit, a CLIP is missing, or the choice
/// gives another number of vectors than `--vectors` asks for.
initial_embedding choose_initial(const initial_choice& choice, const initial_context& context);

}  // namespace dvar::cli
