#pragma once

#include "weights/model_directory.hpp"

namespace dvar::weights {

/// Makes the `config.json` that a network of the Stable Diffusion family would have, from the names and
/// shapes of its tensors (in diffusers' terms). What no shape tells is as published: 32 groups in the norms,
/// 8 heads in each of the UNet's attentions (64 channels a head in Stable Diffusion 2, known by its linear
/// projections), 64 channels a head in the text encoder, latents of 64 x 64. A UNet with an added embedding is that of Stable
/// Diffusion XL: its levels have transformers of their own depths, each size 256 numbers, and latents are 128 x 128.
/// `location` names the source in messages. Throws `dvar::input_error` when a tensor is missing or has another
/// number of dimensions.
config_reader inferred_unet_config(const renamed_tensors& tensors, const std::string& location);
config_reader inferred_autoencoder_config(const renamed_tensors& tensors, double scaling_factor,
                                          const std::string& location);
config_reader inferred_clip_text_config(const renamed_tensors& tensors, std::string_view activation,
                                        const std::string& location);

// The scaling factors of the published autoencoders of Stable Diffusion 1 and 2, and of Stable Diffusion XL.
inline constexpr double published_scaling_factor = 0.18215;
inline constexpr double published_scaling_factor_of_xl = 0.13025;

/// Returns the scheduler's configuration of Stable Diffusion 1: PNDM on a scaled linear schedule.
config_reader published_scheduler_config(const std::string& location);

/// Returns that of Stable Diffusion XL: Euler's method on the same schedule.
config_reader published_scheduler_config_of_xl(const std::string& location);

}  // namespace dvar::weights
