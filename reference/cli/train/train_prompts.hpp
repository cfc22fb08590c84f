#pragma once

#include <string>

#include "data/concept_dataset.hpp"
#include "diffusion/prompt_encoder.hpp"
#include "training/inversion_options.hpp"

namespace dvar::cli {

/// Throws `dvar::input_error` when the model would not read a prompt of the run as it is meant, or not one caption has the
/// token; names the file or the option. The prompts are the pictures' captions, or the templates that the options name, both with
/// words of size in front too where pictures are rescaled, and that of the samples, which is empty where none are drawn.
void check_prompts(const data::concept_dataset& pictures, const diffusion::prompt_encoder& prompts,
                   const training::inversion_options& options, const std::string& of_samples);

/// Says on standard error which captions lack the token, and which prompts are longer than the text encoder reads.
void warn_of_prompts(const data::concept_dataset& pictures, const diffusion::prompt_encoder& prompts,
                     const std::string& of_samples);

}  // namespace dvar::cli
