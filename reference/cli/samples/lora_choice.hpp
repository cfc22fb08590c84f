#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/options/option_row.hpp"
#include "diffusion/latent_diffusion.hpp"

namespace dvar::cli {

/// Holds what a text of `--lora` says.
struct lora_choice {
  std::filesystem::path file;
  double scale = 1.0;
};

/// Reads `FILE` or `FILE:SCALE`. Throws `dvar::input_error` when the scale is no number, and names the option.
lora_choice parsed_lora(const std::string& text);

/// Returns the row of `--lora`.
option_row lora_row(std::vector<std::string>& loras);

/// Returns what the files of `--lora FILE` or `--lora FILE:SCALE` add to layers of the model, all together. Throws `dvar::input_error`
/// when a scale is no number or a file does not fit the model, and names the option.
models::low_rank_products open_loras(const diffusion::latent_diffusion& model,
                                     const std::vector<std::string>& loras);

}  // namespace dvar::cli
