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

/// The CLIP score of samples drawn with an inversion's vectors as they are when it is called: the mean similarity to
/// the pictures that are learned from. What is passed by reference must outlive the function. Empty without a scorer.
std::function<double()> sample_scorer(const train_command& command, const diffusion::latent_diffusion& model,
                                      const diffusion::prompt_encoder& prompts,
                                      const training::batch_workers& workers,
                                      const training::textual_inversion& inversion,
                                      const evaluation::clip_scorer* scorer, const at::Tensor& pictures);

/// How much nearer the samples came to `references`, float32 [n, 3, S, S].
similarity_gain score_samples(const evaluation::clip_scorer& scorer, const before_and_after& samples,
                              const at::Tensor& references, bool held_out);

}  // namespace dvar::cli
