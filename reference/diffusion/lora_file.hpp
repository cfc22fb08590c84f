#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "models/low_rank.hpp"

namespace dvar::diffusion {

/// Says how a file of low-rank products names them.
enum class lora_layout {
  /// `unet.LAYER.lora_A.weight` and `lora_B.weight`, `text_encoder` or `text_encoder_2` for `unet`, as diffusers'
  /// `save_lora_weights` writes them.
  diffusers,
  /// `lora_unet_LAYER.lora_down.weight`, `lora_up.weight` and `alpha`, `lora_te_` for a text encoder, `lora_te1_` and `lora_te2_` for
  /// two of them, as kohya's sd-scripts write them and as A1111's webui and ComfyUI read them.
  kohya
};

/// Reads the low-rank products of a file for the layers of a model, or of its UNet alone: of diffusers' layout, also with the older
/// `lora.down` and `lora.up`, with `lora_linear_layer` for text encoders and with an adapter's own alpha in the metadata, or of kohya's.
/// The scale of each is alpha / rank.
///
/// Throws `dvar::input_error`, which names file and tensor, what was expected and what was found, when the file cannot be read, a
/// tensor is of a layer that is not among these, has another shape than the layer wants, lacks its other half, holds a number that
/// is not finite, or is of something else: DoRA, LoHa.
models::low_rank_products read_lora(const std::filesystem::path& file,
                                    const std::vector<models::added_products>& layers);

/// Writes products of some of these layers in one of the layouts, F32, with one for each layer. In diffusers' a scale becomes part of
/// B, so that a reader that knows of no alpha is right; in kohya's it becomes alpha. Throws `dvar::input_error` when a number is not
/// finite or the file cannot be written.
void write_lora(const std::filesystem::path& file, lora_layout layout,
                const models::low_rank_products& products, const std::vector<models::added_products>& layers,
                const std::map<std::string, std::string>& metadata);

}  // namespace dvar::diffusion
