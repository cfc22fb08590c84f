#pragma once

#include <map>
#include <string>

#include "cli/train/train_options.hpp"
#include "cli/train/train_summary.hpp"
#include "diffusion/latent_diffusion.hpp"

namespace dvar::cli {

/// Holds what a file says of the token, or the tokens, that it belongs to.
struct described_tokens {
  std::string tokens;
  std::string initials;
  std::int64_t pictures = 0;  ///< learned from
};

/// Returns that of all concepts of a run.
described_tokens all_tokens_of(const run_summary& summary);

/// Says in the file of an embedding how it was made: token, base model and its architecture, resolution, prediction type, author
/// and license by the keys of the ModelSpec of Stability AI, which begin with `modelspec`; name of the model, steps, seed, rate,
/// optimizer and number of pictures by those of the scripts of kohya, which begin with `ss`, and which webui, ComfyUI and civitai
/// show; the rest with `dvar` in front. `step` is the step that the vectors are of, `chosen` says why these; what stopped the run is said
/// when it has stopped. Nothing depends on when or where it is written.
std::map<std::string, std::string> metadata_of(const train_options& options,
                                               const diffusion::latent_diffusion& model,
                                               const run_summary& summary, const described_tokens& of,
                                               std::int64_t step, const std::string& chosen);

}  // namespace dvar::cli
