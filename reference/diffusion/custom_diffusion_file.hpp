#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "models/unet_2d_condition.hpp"

namespace dvar::diffusion {

/// Reads the weights of keys and values that Custom Diffusion has learned for a UNet, float32 [out, in] by their layers:
/// `LAYER.processor.to_k_custom_diffusion.weight` and `to_v_…`, as diffusers' `save_attn_procs` writes them, in safetensors or by
/// `torch.save`. Names of attentions without anything learned, which are empty, are passed over.
///
/// Throws `dvar::input_error`, which names file and tensor, what was expected and what was found, when the file cannot be read, has a
/// tensor of something else (queries and outputs, a LoRA), lacks one of this UNet's layers, or has it in another shape or with a
/// number that is not finite.
models::layer_weights read_custom_diffusion(const std::filesystem::path& file,
                                            const models::unet_2d_condition& unet);

/// Writes such weights, F32, and an empty tensor for every attention that has none: so diffusers' `load_attn_procs`, which wants to
/// hear of all attentions, takes the file. Throws `dvar::input_error` when a number is not finite or the file cannot be written.
void write_custom_diffusion(const std::filesystem::path& file, const models::layer_weights& learned,
                            const models::unet_2d_condition& unet,
                            const std::map<std::string, std::string>& metadata);

}  // namespace dvar::diffusion
