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

/// Trains a model from the drawings of `drawings` (see data/drawings.hpp) and writes it to `output` as a model
/// directory in the layout of Stable Diffusion, weights in fp16. `work` keeps checkpoints and finished parts: a second
/// call goes on where the first was stopped.
void pretrain(const recipe& recipe, const std::filesystem::path& drawings, const std::filesystem::path& work,
              const std::filesystem::path& output, const pretraining_report& report);

}  // namespace dvar::training
