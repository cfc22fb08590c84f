#pragma once

#include "data/concept_dataset.hpp"
#include "diffusion/prompt_encoder.hpp"

namespace dvar::cli {

/// Throws `dvar::input_error`, which names the files, when pictures have captions and not one has the token.
void check_captions(const data::concept_dataset& pictures, const diffusion::prompt_encoder& prompts);

/// Says on standard error which captions lack the token, and which are longer than the text encoder reads.
void warn_of_captions(const data::concept_dataset& pictures, const diffusion::prompt_encoder& prompts);

}  // namespace dvar::cli
