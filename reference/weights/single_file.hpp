#pragma once

#include "weights/model_files.hpp"

namespace dvar::weights {

/// Opens a checkpoint in one file, as `open_model_files` says.
[[nodiscard]] model_files open_single_file(const model_source& source);

/// Throws `dvar::input_error` when a scheduler's configuration says that the network predicts something else than `prediction`, if
/// this is not empty; `by` says who wants that.
void require_prediction(const config_reader& scheduler, const std::string& prediction, const std::string& by);

/// Returns whether zeros stand for no prompt, by `model_index.json` in a directory of Stable Diffusion XL: they do where it says
/// nothing.
[[nodiscard]] bool no_prompt_is_zero(const std::filesystem::path& directory);

}  // namespace dvar::weights
