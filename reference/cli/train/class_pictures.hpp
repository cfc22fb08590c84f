#pragma once

#include <filesystem>
#include <string>

#include "cli/init/initial_embedding.hpp"
#include "cli/samples/sampling.hpp"
#include "training/rank_group.hpp"

namespace dvar::cli {

/// Says which pictures keep a class as it was.
struct class_pictures_choice {
  std::string prompt;            ///< is empty where the class is not kept
  std::filesystem::path folder;  ///< is empty where the model draws the pictures
  std::int64_t count = 100;      ///< is how many it draws
  double weight = 1.0;

  bool is_wanted() const { return !prompt.empty(); }
};

/// Holds what the model's own class pictures depend on.
struct class_drawing {
  const diffusion::latent_diffusion& model;
  std::string model_content;    ///< is a hash of the model's files
  sampling_options sampling;    ///< is how they are drawn, but for their number
  std::filesystem::path cache;  ///< is a folder that keeps them; empty for none
  bool center_crop = false;
  bool quiet = false;
};

/// Returns the class pictures, float32 [n, 3, S, S] in [-1, 1]: those of the folder, or drawn by the model. Picture i depends on
/// model, prompt, sampling and i alone: what the cache has of these is taken from there, and what is drawn is put there at once, so
/// that an interrupted drawing goes on. The first rank draws, for all. Throws `dvar::input_error` when a file cannot be read or
/// written. Communicates.
at::Tensor class_pictures(const class_pictures_choice& choice, const class_drawing& drawing,
                          const training::rank_group& group);

}  // namespace dvar::cli
