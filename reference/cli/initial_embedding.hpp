#pragma once

#include "cli/train_command.hpp"
#include "evaluation/clip_scorer.hpp"

namespace dvar::cli {

/// What a new token begins as.
struct initial_value {
  std::string word;
  std::int64_t id = 0;
};

/// The word that `--init` means for a model and pictures; `scorer` is null where there is no CLIP.
/// \throws dvar::input_error if the option cannot be read, the word is not one token, or a CLIP is missing.
initial_value initial_word(const train_command& command, const std::filesystem::path& directory,
                           const diffusion::latent_diffusion& model, const evaluation::clip_scorer* scorer,
                           const at::Tensor& pictures);

}  // namespace dvar::cli
