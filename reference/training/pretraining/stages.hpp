/// \file
/// Runs the three trainings that make a model from drawings, in order: autoencoder, CLIP, UNet. Each goes on
/// from its checkpoint, so that a killed run loses minutes.
#pragma once

#include <functional>

#include "diffusion/noise_schedule.hpp"
#include "models/autoencoder_kl.hpp"
#include "models/clip.hpp"
#include "models/unet_2d_condition.hpp"
#include "text/clip_tokenizer.hpp"
#include "training/pretraining/drawing_set.hpp"
#include "training/pretraining/run.hpp"
#include "weights/model_directory.hpp"

namespace dvar::training {

/// Is called after every step with what is trained, its step and number of steps, and the loss.
using pretraining_progress =
    std::function<void(const std::string& what, std::int64_t step, std::int64_t steps, double loss)>;
/// Is called with a line worth keeping: a measured figure.
using pretraining_note = std::function<void(const std::string& line)>;

struct pretraining_report {
  pretraining_progress progress;
  pretraining_note note;
};

struct autoencoder_recipe {
  weights::config_reader config;
  run_options run;
  /// The weight of the mean Kullback-Leibler divergence of a latent.
  double divergence_weight = 1e-3;
  /// The edge of the random crops that most steps train on, in pixels.
  std::int64_t crop = 32;
  /// The share of the steps, from the first on, that see crops instead of whole drawings.
  double crop_share = 0.75;
};

struct trained_autoencoder {
  models::random_parameters parameters;
  models::autoencoder_kl network;

  /// Begins at random.
  explicit trained_autoencoder(const autoencoder_recipe& recipe);
};

/// Trains the autoencoder: minimizes the error of the pictures and a small Kullback-Leibler term. Afterwards
/// every channel of the latents is brought to mean 0 and variance 1 over the drawings, exactly, by folding an
/// affine map into the two pointwise convolutions around them: so no channel drowns in the noise before the
/// others, and the scaling factor is 1.
trained_autoencoder pretrain_autoencoder(const autoencoder_recipe& recipe, const drawing_set& drawings,
                                         const std::filesystem::path& checkpoint,
                                         const pretraining_report& report);

struct clip_recipe {
  weights::config_reader text_config;
  weights::config_reader vision_config;
  run_options vision_run;
  run_options text_run;
  caption_mix captions;
  std::int64_t largest_shift = 4;
};

struct trained_clip {
  models::random_parameters text_parameters;
  models::clip_text text;
  models::random_parameters vision_parameters;
  models::clip_vision vision;

  /// Begins at random.
  explicit trained_clip(const clip_recipe& recipe);
};

/// Trains both towers towards one table with a vector for every concept, which begins as what the concept's
/// drawings look like (the principal components of their mean at 16 x 16 pixels): first the image tower
/// together with the table, by a softmax over all concepts, then the text tower on captions alone. On small
/// data this reaches in minutes what the joint contrastive loss (Radford et al., arXiv 2103.00020) does not
/// in an hour; in use the two towers are CLIP's.
trained_clip pretrain_clip(const clip_recipe& recipe, const drawing_set& drawings,
                           const text::clip_tokenizer& tokenizer, const std::filesystem::path& work,
                           const pretraining_report& report);

struct unet_recipe {
  weights::config_reader config;
  run_options run;
  caption_mix captions;
  double empty_caption = 0.1;  ///< share of empty captions, for guidance
  /// Timesteps are drawn with density proportional to t to this power.
  double noise_emphasis = 0.0;
  /// The loss of a timestep is weighted by ((1 - abar) / abar) to this power.
  double weight_power = 0.0;
  /// The number of encodings of a drawing: itself, then shifted and mirrored ones.
  std::int64_t variants = 1;
  std::int64_t largest_shift = 3;
  /// The steps between two measurements of the caption gap.
  std::int64_t measure_every = 2000;
  /// What the network computes in while it is trained; its parameters are updated in fp32.
  at::ScalarType compute_type = at::kFloat;
};

struct trained_unet {
  models::random_parameters parameters;
  models::unet_2d_condition network;

  /// Begins at random.
  explicit trained_unet(const unet_recipe& recipe);
};

/// Names the drawings that a UNet is trained on, and others that only show how it does on what it has not seen.
struct unet_drawings {
  const drawing_set& seen;
  const drawing_set* unseen = nullptr;  ///< null where there are none
};

/// Trains the UNet: minimizes the noise-prediction loss on the frozen autoencoder's latents under the frozen
/// text encoder's states. With the weights of another one, `earlier`, only the last round is trained, on top of them; null: all
/// rounds are. Throws `dvar::input_error` when they do not fit the recipe.
trained_unet pretrain_unet(const unet_recipe& recipe, const unet_drawings& drawings,
                           const trained_autoencoder& autoencoder, const trained_clip& clip,
                           const text::clip_tokenizer& tokenizer, const diffusion::noise_schedule& schedule,
                           const weights::weight_map* earlier, const std::filesystem::path& checkpoint,
                           const pretraining_report& report);

/// Puts the weights of a file in the place of parameters. Throws `dvar::input_error` when one is missing, has another shape, or is
/// not finite, and names file and tensor.
void adopt(const weights::weight_map& weights, const models::random_parameters& parameters);

/// Returns the text states of captions, padded to the tokenizer's length: [captions, length, width].
at::Tensor caption_states(const models::clip_text& text, const text::clip_tokenizer& tokenizer,
                          const std::vector<std::string>& captions);

}  // namespace dvar::training
