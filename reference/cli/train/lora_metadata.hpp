#pragma once

#include <map>
#include <string>

#include "cli/train/train_options.hpp"
#include "cli/train/train_output.hpp"

namespace dvar::cli {

/// Returns what a file of low-rank factors says of itself, by the keys that webui, ComfyUI and civitai read (`ss_…`, of kohya's
/// sd-scripts; `modelspec.…`, of Stability AI's specification), and by ours for what they have none for: what ended the run.
std::map<std::string, std::string> lora_metadata(const train_options& options,
                                                 const diffusion::latent_diffusion& model,
                                                 const run_summary& summary, std::int64_t step);

}  // namespace dvar::cli
