#pragma once

#include <filesystem>
#include <string>

#include "diffusion/latent_diffusion.hpp"

namespace dvar::cli {

/// Returns the directory that `--model` means: the bundled model for `demo`, else the path itself. Throws
/// `dvar::input_error` when the bundled model is not where it was built or installed.
std::filesystem::path model_directory(const std::string& choice);

/// Returns what a command's `--model`, `--config`, `--vae` and `--prediction-type` mean.
template <class Command>
weights::model_source source_of(const Command& command) {
  return {.path = model_directory(command.model),
          .configuration = command.config,
          .autoencoder = command.vae,
          .prediction = command.prediction_type};
}

/// Opens the model that a command means, and says which tensors in it nothing uses and what no file says of it. Throws
/// `dvar::input_error` when something is missing or wrong.
diffusion::latent_diffusion open_model(const weights::model_source& source, const std::string& choice,
                                       bool quiet, const models::placement& placement = {});

/// Opens the model of files that `--model` meant, likewise.
diffusion::latent_diffusion open_model(const weights::model_files& files, const std::string& choice,
                                       bool quiet, const models::placement& placement);

/// Sets LibTorch's threads; 0 stands for every processor that the process may use (LibTorch's own default is one thread
/// in some builds).
void set_threads(int threads);

}  // namespace dvar::cli
