#pragma once

#include "cli/train/train_command.hpp"
#include "cli/train/train_output.hpp"
#include "evaluation/sample_scores.hpp"

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

/// What samples are scored with.
struct sample_encoders {
  const evaluation::clip_scorer* clip;           ///< null where there is none
  const evaluation::identity_encoder* identity;  ///< null where there is none
};

/// The class word of `--class-word`, else what the token begins as; no value where that is another embedding.
std::optional<std::string> class_word_of(const train_command& command, const std::string& initial_words);

/// Scores samples drawn with an inversion's vectors as they are when it is called, always from the same noise, by their
/// likeness to the pictures that are learned from and to the prompt, `class_word` in it. What is passed by reference must
/// outlive the function. Empty without a CLIP, or where the run wants no scores.
std::function<training::scores_of_samples()> scoring_of_samples(
    const train_command& command, const diffusion::latent_diffusion& model,
    const diffusion::prompt_encoder& prompts, const training::batch_workers& workers,
    const training::textual_inversion& inversion, const sample_encoders& encoders,
    const std::optional<std::string>& class_word, const at::Tensor& pictures);

/// How much nearer the samples came to `references`, float32 [n, 3, S, S], by each of the encoders that is there.
sample_gains score_samples(const sample_encoders& encoders, const before_and_after& samples,
                           const at::Tensor& references, bool held_out);

}  // namespace dvar::cli
