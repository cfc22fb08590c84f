#pragma once

#include "diffusion/noise_schedule.hpp"
#include "models/autoencoder_kl.hpp"
#include "models/file_parameters.hpp"
#include "models/text_encoder.hpp"
#include "models/unet_2d_condition.hpp"
#include "text/tokenizer.hpp"

namespace dvar::diffusion {

/// A text-to-image model: everything that a directory in Stable Diffusion's or LDM's layout holds.
struct latent_diffusion {
  text::tokenizer tokenizer;  ///< its prompts are as long as the text encoder's
  models::text_encoder text_encoder;
  models::unet_2d_condition unet;
  models::autoencoder_kl autoencoder;
  noise_schedule schedule;
  weights::config_reader scheduler;  ///< `scheduler_config.json`, where samplers find their options
  models::placement where;

  /// Reads `tokenizer`, `unet`, `scheduler`, and `text_encoder` and `vae` (Stable Diffusion) or `bert` and `vqvae` (LDM,
  /// which it is if `bert` is there or `model_index.json` has it) below `directory`.
  /// \throws dvar::input_error names the file, and key or tensor, that is missing or wrong.
  static latent_diffusion open(const std::filesystem::path& directory, const models::placement& where = {});

  /// Edge, in pixels, of the pictures that the model was trained on.
  std::int64_t resolution() const { return unet.options().sample_size * autoencoder.factor(); }
};

}  // namespace dvar::diffusion
