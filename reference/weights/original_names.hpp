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

/// Turns what is below a prefix into AutoencoderKL; the attention's 1 x 1 convolutions become linear.
renamed_tensors autoencoder_tensors(const tensor_file& file,
                                    const std::string& prefix = "first_stage_model.");

/// Turns what is below a prefix into CLIPTextModel: cond_stage_model.transformer. of Stable Diffusion 1, or
/// conditioner.embedders.0.transformer. of Stable Diffusion XL.
renamed_tensors clip_text_tensors(const tensor_file& file, const std::string& prefix);

/// Turns what is below a prefix, the text tower of OpenCLIP, into CLIPTextModel: query, key and value are rows of one tensor there.
/// Stable Diffusion 2 (cond_stage_model.model.) does not use its last layer, which is left out.
renamed_tensors open_clip_text_tensors(const tensor_file& file, const std::string& prefix);

/// Does the same for Stable Diffusion XL (conditioner.embedders.1.model.), which uses all of it, and makes a
/// CLIPTextModelWithProjection, whose projection is the transpose of OpenCLIP's.
renamed_tensors open_clip_projecting_tensors(const tensor_file& file, const std::string& prefix);

}  // namespace dvar::weights
