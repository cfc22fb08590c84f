#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/init/initial_embedding.hpp"
#include "cli/train/train_check.hpp"
#include "cli/train/train_configuration.hpp"
#include "cli/train/train_resumption.hpp"
#include "cli/train/train_samples.hpp"

namespace dvar::cli {

/// Holds what a run is made of.
struct loaded_run {
  diffusion::latent_diffusion model;
  std::vector<loaded_concept> concepts;  ///< one at least
  data::concept_dataset pictures;        ///< of all concepts
  /// Holds the models that score samples; none on other ranks than the first, or where there is none.
  std::optional<evaluation::clip_scorer> scorer{};
  std::optional<evaluation::identity_encoder> identity{};
  /// Holds the pictures that are not learned from, if there are any.
  std::optional<data::concept_dataset> held_out{};
  std::optional<diffusion::prompt_encoder> prompts{};
  /// Holds the configuration as JSON, as `configuration_of` makes it.
  std::string configuration{};
  /// Holds what was to stop the run that is resumed, where something else is to stop it now.
  std::optional<training::former_stopping> former{};
  /// Names the files in the folders of pictures that nothing is made of, behind the token where there are several.
  std::vector<data::unused_file> unused{};
  /// Keeps other processes away from the run's folder; none on other ranks than the first.
  std::optional<weights::output_folder> folder{};

  /// Returns the pictures that a concept's samples are compared with at the end: those held out, or those that are learned from.
  const at::Tensor& references(const loaded_concept& of) const {
    return held_out ? held_out->images() : of.pictures.images();
  }

  /// Returns what the tokens begin as, float32 [vectors, width], and of each concept pictures of its class.
  at::Tensor initial_vectors() const;
  std::vector<at::Tensor> class_pictures() const;

  sample_encoders encoders() const {
    return {.clip = scorer ? &*scorer : nullptr, .identity = identity ? &*identity : nullptr};
  }
};

/// Opens the model, chooses what the token begins as, and makes the run's folder ready: nothing is written before all checks
/// have passed. Throws `dvar::input_error` when one does not.
std::unique_ptr<loaded_run> prepare(const train_options& options, const output_directory& output,
                                    checked_run checked, const training::rank_group& group);

/// Says on standard error which files and which parts of prompts the run leaves out or replaces, also of one that is quiet.
void say_what_is_left_out(const train_options& options, const loaded_run& loaded);

}  // namespace dvar::cli
