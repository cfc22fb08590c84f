#pragma once

#include <filesystem>
#include <string>

#include "diffusion/latent_diffusion.hpp"

namespace dvar::cli {

/// The directory that `--model` means: the bundled model for `demo`, else the path itself.
/// \throws dvar::input_error if the bundled model is not where it was built or installed.
std::filesystem::path model_directory(const std::string& choice);

/// Opens the model that `--model` and `--config` mean, and warns of tensors in it that nothing uses.
/// \throws dvar::input_error
diffusion::latent_diffusion open_model(const std::string& choice, const std::filesystem::path& configuration,
                                       bool quiet, const models::placement& where = {});

/// What the help of every command says of the two options.
inline constexpr const char* model_help =
    "'demo' (bundled), a model directory of Stable Diffusion or LDM, or a checkpoint in one .safetensors "
    "file";
inline constexpr const char* config_help =
    "For a checkpoint in one file: directory with the tokenizer, and the config.json files if it has them";

/// Sets LibTorch's threads; 0 stands for every processor that the process may use (LibTorch's own default is one thread
/// in some builds).
void set_threads(int threads);

}  // namespace dvar::cli
