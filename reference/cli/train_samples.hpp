#pragma once

#include "cli/train_command.hpp"
#include "cli/train_output.hpp"

namespace dvar::cli {

/// What samples of a token depend on, before and after it was learned.
struct sampled_concept {
  const diffusion::latent_diffusion& model;
  const diffusion::prompt_encoder& prompts;
  const training::batch_workers& workers;
  std::string initial_word;    ///< stands for the token in the prompt before
  at::Tensor initial_vectors;  ///< float32 [vectors, width]
  at::Tensor vectors;
};

/// How many samples there will be: as many as asked for, or as many as do not take long.
std::int64_t sample_count(const train_command& command, const diffusion::latent_diffusion& model);

/// Samples from the same noise before and after, with a progress bar.
before_and_after draw_samples(const train_command& command, const sampled_concept& what);

/// How much nearer the samples came to `references`, float32 [n, 3, S, S].
similarity_gain score_samples(const evaluation::clip_scorer& scorer, const before_and_after& samples,
                              const at::Tensor& references, bool held_out);

}  // namespace dvar::cli
