#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/train/train_options.hpp"
#include "cli/train/train_output.hpp"
#include "data/concept_dataset.hpp"
#include "diffusion/prompt_encoder.hpp"
#include "models/placement.hpp"
#include "training/rank_group.hpp"
#include "weights/model_files.hpp"
#include "weights/output_folder.hpp"

namespace dvar::cli {

/// Holds what was found right before anything large is opened.
struct checked_run {
  weights::model_files files;
  models::placement placement;
  std::vector<data::concept_dataset> pictures;  ///< those of each concept
  std::string memory;                           ///< a line that says what the run will take
  /// Keeps other processes away from the run's folder; none on other ranks than the first.
  std::optional<weights::output_folder> folder{};
};

/// Says how the run's folder is to be used.
output_use use_of(const train_options& options);

/// Returns the pictures of all concepts, which are learned from together.
data::concept_dataset joined_pictures(const train_options& options,
                                      const std::vector<data::concept_dataset>& pictures);

/// Returns an encoder that knows the tokens of all concepts, of so many vectors each. Throws `dvar::input_error` when the model has one
/// already.
diffusion::prompt_encoder encoder_of(const train_options& options, const diffusion::latent_diffusion& model,
                                     const std::vector<std::int64_t>& vectors);

/// Returns the prompt of the samples, or an empty one where none are drawn.
std::string prompt_of_samples(const train_options& options, const diffusion::latent_diffusion& model);

/// Reads the pictures and checks what was given, the cheap checks first, as far as that can be done without the weights: whether
/// the token is new to the model, captions are whole, and the memory suffices. Writes nothing. Throws `dvar::input_error` when a
/// check does not pass.
checked_run check(const train_options& options, const output_directory& output,
                  const training::rank_group& group);

}  // namespace dvar::cli
