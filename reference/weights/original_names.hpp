#pragma once

#include "weights/model_directory.hpp"

namespace dvar::weights {

/// \file
/// Translates the names that Stable Diffusion's authors gave to the tensors into diffusers' and
/// transformers'. Each function takes the tensors of a checkpoint in one file and gives those of one network;
/// names that have no counterpart there are left out. Layout: CompVis/stable-diffusion,
/// ldm/modules/diffusionmodules/openaimodel.py and model.py.

/// Turns model.diffusion_model.* into UNet2DConditionModel. Levels and layers follow from the blocks that
/// are there.
renamed_tensors unet_tensors(const tensor_file& file);

/// Turns first_stage_model.* into AutoencoderKL; the attention's 1 x 1 convolutions become linear.
renamed_tensors autoencoder_tensors(const tensor_file& file);

/// Turns cond_stage_model.transformer.* into CLIPTextModel.
renamed_tensors clip_text_tensors(const tensor_file& file);

/// Turns cond_stage_model.model.*, the text tower of OpenCLIP as Stable Diffusion 2 uses it, into
/// CLIPTextModel: query, key and value are rows of one tensor there, and the last layer is not used.
renamed_tensors open_clip_text_tensors(const tensor_file& file);

}  // namespace dvar::weights
