#pragma once

#include "cli/train/train_options.hpp"

namespace dvar::cli {

/// Holds what the files of one of a run's concepts came to.
struct loaded_concept {
  data::concept_dataset pictures;
  initial_embedding initial{};
  /// Holds pictures of its class, float32 [n, 3, S, S]; undefined where that is not kept.
  at::Tensor class_pictures{};
};

/// Returns JSON of what decides the course of training: the options, by their names, and what they and the
/// files came to, of several concepts in an array; `held_out` is undefined where nothing is. A resumed run must have all of it the
/// same.
std::string configuration_of(const train_options& options, const std::vector<loaded_concept>& concepts,
                             const at::Tensor& held_out = {});

/// Returns a sentence about each thing in which two configurations differ, the first of which is that of the
/// run in a folder: `--batch was 4 in the run in OUT and is 2 now`, `--images: since the run in OUT "frog.png" has changed`.
std::vector<std::string> differences(const std::string& saved, const std::string& now,
                                     const std::filesystem::path& output);

}  // namespace dvar::cli
