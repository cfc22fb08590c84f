#pragma once

#include <string>

#include "cli/train/train_options.hpp"
#include "data/concept_dataset.hpp"
#include "diffusion/prompt_encoder.hpp"

namespace dvar::cli {

/// Throws `dvar::input_error` when the model would not read a prompt of a concept as it is meant, or not one caption has its
/// token; names the file or the option. The prompts are the pictures' captions, or the concept's own, both with
/// words of size in front too where pictures are rescaled, and that of the samples, which is empty where none are drawn.
void check_prompts(const train_options& options, const concept_choice& learned,
                   const data::concept_dataset& pictures, const diffusion::prompt_encoder& prompts,
                   const std::string& of_samples);

/// Says on standard error which captions lack the concept's token, and which prompts are longer than the text encoder reads.
void warn_of_prompts(const concept_choice& learned, const data::concept_dataset& pictures,
                     const diffusion::prompt_encoder& prompts, const std::string& of_samples);

}  // namespace dvar::cli
