#pragma once

#include <functional>

#include "cli/options/option_row.hpp"
#include "diffusion/prompt_encoder.hpp"
#include "diffusion/sampling_method.hpp"
#include "training/batch_workers.hpp"

namespace dvar::cli {

struct sampling_options {
  std::int64_t count = 8;
  std::int64_t first = 0;  ///< is the number of the first picture
  std::int64_t steps = 50;
  double guidance = 7.5;
  std::uint64_t seed = 0;
  std::string negative_prompt{};  ///< is what guidance leads away from; empty for no prompt
  /// Names the sampler: `ddim`, `pndm`, `dpm++`, `euler` or `euler-a`; empty for the model's own.
  std::string sampler;
  double eta = 0.0;  ///< is for DDIM alone
  /// Holds the latents [count, channels, s, s] to start from, standard normal; drawn with the seed where
  /// undefined.
  at::Tensor latents;
};

/// Returns the rows of `--steps`, `--sampler`, `--eta`, `--guidance` and `--seed`, and what they need.
option_rows sampling_rows(sampling_options& options, const requirement& needs = {});

/// Says on standard error that the end of a prompt is cut off, if it is.
void warn_of_cut(const diffusion::prompt_encoder& prompts, const std::string& prompt);

/// Throws `dvar::input_error`, which names the option, when so many samples do not fit into memory.
void check_sample_count(const diffusion::latent_diffusion& model, std::string_view option,
                        std::int64_t count);

/// Returns the method that the options name, or the model's `scheduler_config.json`; DDIM where its scheduler is not here.
diffusion::sampling_method method_of(const diffusion::latent_diffusion& model,
                                     const sampling_options& options);

/// Returns the sampler that the options and the model's `scheduler_config.json` ask for, ready for a
/// trajectory. A model whose scheduler is not here gets DDIM. Throws `dvar::input_error` when one is wrong,
/// and names the option, or file and key.
std::unique_ptr<diffusion::sampler> choose_sampler(const diffusion::latent_diffusion& model,
                                                   const sampling_options& options);

/// Returns the latents to start from, float32 [count, channels, s, s]: those of the options, or drawn with
/// their seed.
at::Tensor initial_latents(const diffusion::latent_diffusion& model, const sampling_options& options);

/// Returns how many pictures are drawn at once: small latents share a batch; at 64 x 64 and above memory counts more.
std::int64_t pictures_at_once(const diffusion::latent_diffusion& model);

/// Samples pictures float32 [count, 3, S, S] in [-1, 1] for one prompt. Picture i depends on the seed and i
/// alone: more pictures, or another prompt, start from the same noise. `on_picture` is called with the number
/// of finished ones.
at::Tensor sample_pictures(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                           const std::string& prompt, const at::Tensor& vectors,
                           const sampling_options& options, const training::batch_workers& workers,
                           const std::function<void(std::int64_t)>& on_picture = {});

}  // namespace dvar::cli
