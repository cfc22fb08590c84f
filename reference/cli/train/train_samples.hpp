#pragma once

#include "cli/train/train_options.hpp"
#include "cli/train/train_summary.hpp"
#include "evaluation/sample_scores.hpp"

namespace dvar::cli {

/// Holds what samples of a token depend on, before and after it was learned.
struct sampled_concept {
  const diffusion::latent_diffusion& model;
  const diffusion::prompt_encoder& prompts;
  const training::batch_workers& workers;
  std::string token;
  std::string initial_word;             ///< stands for the token in the prompt before
  at::Tensor initial_vectors;           ///< float32 [vectors, width], of all tokens
  at::Tensor vectors;                   ///< likewise
  diffusion::latent_diffusion learned;  ///< is the model with all that was learned beside the vectors
};

/// Returns how many samples there will be: as many as asked for, or as many as do not take long.
std::int64_t sample_count(const train_options& options, const diffusion::latent_diffusion& model);

/// Draws samples from the same noise before and after, with a progress bar.
before_and_after draw_samples(const train_options& options, const sampled_concept& what);

/// Holds what samples are scored with.
struct sample_encoders {
  const evaluation::clip_scorer* clip;           ///< is null where there is none
  const evaluation::identity_encoder* identity;  ///< is null where there is none
};

/// Returns the class word of `--class-word`, else what the token begins as, or no value where that is another
/// embedding.
std::optional<std::string> class_word_of(const train_options& options, const std::string& initial_words);

/// Returns a function that scores samples drawn with what a run has learned when it is called,
/// always from the same noise, by their likeness to the pictures that are learned from, to those that are held out (undefined for
/// none), and to the prompt, `class_word` in it. What is passed by reference must outlive it. It is empty without a CLIP, or where the
/// run wants no scores.
std::function<training::sample_scores()> scoring_of_samples(
    const train_options& options, const diffusion::prompt_encoder& prompts,
    const training::batch_workers& workers, const training::concept_training& inversion,
    const sample_encoders& encoders, const std::optional<std::string>& class_word, const at::Tensor& pictures,
    const at::Tensor& held_out);

/// Returns how much nearer the samples came to `references`, float32 [n, 3, S, S], by each of the encoders
/// that is there.
sample_gains score_samples(const sample_encoders& encoders, const before_and_after& samples,
                           const at::Tensor& references, bool held_out);

}  // namespace dvar::cli
