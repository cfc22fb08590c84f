#pragma once

#include <map>
#include <string>

#include "cli/train/train_options.hpp"
#include "cli/train/train_summary.hpp"

namespace dvar::cli {

/// Says in the file of a LoRA how it was made: as `metadata_of` in that of an embedding, and rank, alpha, rate and trigger words by
/// the keys of kohya's scripts.
std::map<std::string, std::string> lora_metadata(const train_options& options,
                                                 const diffusion::latent_diffusion& model,
                                                 const run_summary& summary, std::int64_t step,
                                                 const std::string& chosen);

}  // namespace dvar::cli
