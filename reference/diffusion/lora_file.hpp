#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "models/unet_2d_condition.hpp"

namespace dvar::diffusion {

/// Says how a file of low-rank products names them.
enum class lora_layout {
  /// `unet.LAYER.lora_A.weight` and `lora_B.weight`, as diffusers' `save_lora_weights` writes them.
  diffusers,
  /// `lora_unet_LAYER.lora_down.weight`, `lora_up.weight` and `alpha`, as kohya's sd-scripts write them and as A1111's webui and
  /// ComfyUI read them.
  kohya
};

/// Reads the low-rank products of a file for a UNet: of diffusers' layout, also with the older `lora.down` and `lora.up` and with an
/// adapter's own alpha in the metadata, or of kohya's. The scale of each is alpha / rank.
///
/// Throws `dvar::input_error`, which names file and tensor, what was expected and what was found, when the file cannot be read, a
/// tensor is of a layer that this UNet has not, has another shape than the layer wants, lacks its other half, holds a number that
/// is not finite, or is of something else: a text encoder, a convolution of 3x3, DoRA, LoHa.
models::low_rank_products read_lora(const std::filesystem::path& file, const models::unet_2d_condition& unet);

/// Writes products in one of the layouts, F32, with one for each layer. In diffusers' a scale becomes part of B, so that a reader
/// that knows of no alpha is right; in kohya's it becomes alpha. Throws `dvar::input_error` when a number is not finite or the
/// file cannot be written.
void write_lora(const std::filesystem::path& file, lora_layout layout,
                const models::low_rank_products& products, const models::unet_2d_condition& unet,
                const std::map<std::string, std::string>& metadata);

}  // namespace dvar::diffusion
