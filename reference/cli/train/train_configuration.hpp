#pragma once

#include "cli/train/train_options.hpp"

namespace dvar::cli {

/// Returns JSON of what decides the course of training: the options, by their names, and what they and the
/// files came to; `class_pictures` and `held_out` are undefined where there are none. A resumed run must have all of it the same.
std::string configuration_of(const train_options& options, const data::concept_dataset& pictures,
                             const initial_embedding& initial, const at::Tensor& class_pictures = {},
                             const at::Tensor& held_out = {});

/// Returns a sentence about each thing in which two configurations differ, the first of which is that of the
/// run in a folder: `--batch was 4 in the run in OUT and is 2 now`, `--images: since the run in OUT "frog.png" has changed`.
std::vector<std::string> differences(const std::string& saved, const std::string& now,
                                     const std::filesystem::path& output);

}  // namespace dvar::cli
