#pragma once

#include <filesystem>

#include "cli/options/option_row.hpp"
#include "diffusion/latent_diffusion.hpp"

namespace dvar::cli {

/// Returns the row of `--custom-diffusion`.
option_row custom_diffusion_row(std::filesystem::path& file);

/// Returns the model with the weights of keys and values that the file of `--custom-diffusion` has; the model itself where `file` is
/// empty. Throws `dvar::input_error` when the file does not fit the model.
diffusion::latent_diffusion with_custom_diffusion(const diffusion::latent_diffusion& model,
                                                  const std::filesystem::path& file);

}  // namespace dvar::cli
