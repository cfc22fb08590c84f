#pragma once

#include <filesystem>
#include <optional>

#include "cli/init/word_scores.hpp"
#include "diffusion/latent_diffusion.hpp"

namespace dvar::cli {

/// Holds `--init` and what goes with it.
struct initial_choice {
  std::string text = "best";  ///< is best, worst, random, token:WORD[+WORD...] or file:PATH
  /// Says what a word of several tokens becomes: `mean` is one vector, `spread` as many.
  std::string mode = "mean";
  std::optional<std::int64_t> vectors;
  std::int64_t templates = 4;  ///< counts the prompts that a word is scored in
  word_cache_choice cache;
};

/// Holds the vectors that a new token begins as.
struct initial_embedding {
  std::string words;   ///< says what they are, for people: `apple`, `red+apple`
  at::Tensor vectors;  ///< float32 [vectors, width], on the model's device
  /// Lists words of several tokens that became one vector, their mean.
  std::vector<std::string> averaged{};
};

/// Holds what stands ready to choose by.
struct initial_context {
  const std::filesystem::path& directory;  ///< is the model's
  const diffusion::latent_diffusion& model;
  const evaluation::clip_scorer* scorer;  ///< is null where there is no CLIP
  std::filesystem::path scorer_directory;
  const at::Tensor& pictures;  ///< float32 [n, 3, S, S] in [-1, 1]
  std::uint64_t seed = 0;
  bool quiet = false;
};

/// Returns what `--init` may say.
text_form initial_texts();

/// Chooses the vectors. Throws `dvar::input_error` when a word is none of the model's, a file does not fit, a
/// CLIP is missing, or the choice gives another number of vectors than `--vectors` asks for.
initial_embedding choose_initial(const initial_choice& choice, const initial_context& context);

}  // namespace dvar::cli
