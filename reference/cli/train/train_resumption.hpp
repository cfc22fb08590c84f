#pragma once

#include <optional>

#include "cli/train/train_options.hpp"
#include "cli/train/train_output.hpp"

namespace dvar::cli {

/// Compares the options with those of the run that is resumed. What stops it may differ (`--stop`, `--window`, `--threshold`,
/// `--max-steps`), as long as that makes no other steps of those that are done: then returns what was to stop it; no value where
/// all is the same. Throws `dvar::input_error` when something else differs, and says what.
std::optional<training::former_stopping> check_resumed(const train_options& options,
                                                       const output_directory& output,
                                                       const std::string& configuration);

}  // namespace dvar::cli
