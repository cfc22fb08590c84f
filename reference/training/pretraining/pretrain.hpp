#pragma once

#include "training/pretraining/stages.hpp"

namespace dvar::training {

/// Says what a small model is made of, and how each part is trained: the contents of a recipe file.
struct recipe {
  std::int64_t resolution = 64;
  std::int64_t vocabulary_size = 2560;
  std::int64_t text_length = 16;
  /// The groups of drawings that the UNet does not see.
  std::set<std::string> unet_without_groups;
  weights::config_reader scheduler_config;
  autoencoder_recipe autoencoder;
  clip_recipe clip;
  unet_recipe unet;

  /// Reads a recipe. Throws `dvar::input_error` when it is wrong, and names file and key.
  static recipe read(const std::filesystem::path& file);
};

/// Says where a training begins, and how it computes.
struct pretraining_options {
  /// A model directory whose weights the recipe's earlier rounds are taken to have made: only the last round of the UNet is trained,
  /// all else stays as it is there. Empty: everything is trained from its random beginning.
  std::filesystem::path from;
  /// What the UNet computes in while it is trained.
  at::ScalarType compute_type = at::kFloat;
};

/// Trains a model from the drawings of `drawings` (see data/drawings.hpp) and writes it to `output` as a model
/// directory in the layout of Stable Diffusion, weights in fp16. `work` keeps checkpoints and finished parts: a second
/// call goes on where the first was stopped. Throws `dvar::input_error` when drawings, recipe and `options.from` do not fit each other.
void pretrain(const recipe& recipe, const pretraining_options& options, const std::filesystem::path& drawings,
              const std::filesystem::path& work, const std::filesystem::path& output,
              const pretraining_report& report);

}  // namespace dvar::training
