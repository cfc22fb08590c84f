#pragma once

#include <memory>

#include "diffusion/noise_schedule.hpp"
#include "models/autoencoder_kl.hpp"
#include "models/placement.hpp"
#include "models/text_encoder.hpp"
#include "models/unet_2d_condition.hpp"
#include "text/tokenizer.hpp"
#include "weights/model_files.hpp"

namespace dvar::diffusion {

/// Holds a text-to-image model: everything that the files of Stable Diffusion, Stable Diffusion XL or LDM hold.
struct latent_diffusion {
  text::tokenizer tokenizer;  ///< its prompts are as long as the text encoder's
  /// Reads prompts for the second text encoder; none where there is one text encoder alone.
  std::optional<text::tokenizer> second_tokenizer{};
  models::text_encoder text_encoder;
  models::unet_2d_condition unet;
  models::autoencoder_kl autoencoder;
  noise_schedule schedule;
  /// `scheduler_config.json`, placement samplers find their options.
  weights::config_reader scheduler;
  models::placement placement;
  /// Places the autoencoder, in fp32 instead of fp16 where this would overflow.
  models::placement autoencoder_placement;
  /// Whether zeros stand for no prompt in guidance, and not the empty prompt.
  bool no_prompt_is_zero = false;
  /// The tensors of the files that no network uses, by their names there.
  std::vector<std::string> surplus;
  /// Where the autoencoder's weights come from.
  std::shared_ptr<const weights::weight_map> autoencoder_weights;
  /// Where the text encoders' weights come from.
  std::vector<std::shared_ptr<const weights::weight_map>> text_encoder_weights{};

  /// Builds the networks from a model's files. Throws `dvar::input_error` when something is missing or wrong,
  /// and names the file, and key or tensor.
  static latent_diffusion open(const weights::model_files& files, const models::placement& placement = {});

  /// Builds the networks from a model directory, likewise.
  static latent_diffusion open(const std::filesystem::path& directory,
                               const models::placement& placement = {});

  /// Returns the layers that products can be added to: the UNet's, and the text encoder's behind them.
  std::vector<models::added_products> layers_to_add_to() const;

  /// Returns this model with products added to some of `layers_to_add_to()`; the weights are the same tensors. Throws
  /// `std::invalid_argument` when they do not fit.
  latent_diffusion with(const models::low_rank_products& added) const;

  /// Returns this model with other weights for keys and values of the text in the UNet; all others are the same tensors. Throws
  /// `std::invalid_argument` when they do not fit.
  latent_diffusion with_keys_and_values(const models::layer_weights& weights) const;

  /// Takes the autoencoder out of memory as far as its weights are used in the file, from which they come back when it is used
  /// again: between encoding and decoding lies a whole training.
  void rest_autoencoder() const { autoencoder_weights->release(); }

  /// Takes the text encoders out of memory, likewise: while pictures are drawn, the texts are known.
  void rest_text_encoders() const {
    for (const auto& each : text_encoder_weights)
      each->release();
  }

  /// Returns the edge, in pixels, of the pictures that the model was trained on.
  std::int64_t resolution() const { return unet.options().sample_size * autoencoder.factor(); }

  /// Returns the sizes, int64 [1, 6] on the model's device, of a picture of this resolution of which nothing was cut off: see
  /// `models::conditioning`.
  at::Tensor own_sizes() const;
};

}  // namespace dvar::diffusion
