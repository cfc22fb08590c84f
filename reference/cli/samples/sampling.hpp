#pragma once

#include <functional>

#include "diffusion/prompt_encoder.hpp"
#include "diffusion/sampling_method.hpp"
#include "training/batch_workers.hpp"

namespace CLI {
class App;
}

namespace dvar::cli {

struct sampling_options {
  std::int64_t count = 8;
  std::int64_t steps = 50;
  double guidance = 7.5;
  std::uint64_t seed = 0;
  std::string sampler;  ///< `ddim`, `pndm` or `dpm++`; empty for the model's own
  double eta = 0.0;     ///< of DDIM
  at::Tensor
      latents;  ///< [count, channels, s, s] to start from, standard normal; undefined: drawn with the seed
};

/// Adds `--steps`, `--sampler`, `--eta`, `--guidance` and `--seed`, and returns their names.
std::vector<std::string> add_sampling_options(CLI::App& command, sampling_options& options);

/// The embedding of a file, if it fits the model. \throws dvar::input_error
diffusion::learned_concept read_concept_of(const diffusion::latent_diffusion& model,
                                           const std::filesystem::path& file);

/// The sampler that the options and the model's `scheduler_config.json` ask for, ready for a trajectory. A model whose
/// scheduler is not here gets DDIM.
/// \throws dvar::input_error names the option, or file and key.
std::unique_ptr<diffusion::sampler> choose_sampler(const diffusion::latent_diffusion& model,
                                                   const sampling_options& options);

/// The latents to start from, float32 [count, channels, s, s]: those of the options, or drawn with their seed.
at::Tensor initial_latents(const diffusion::latent_diffusion& model, const sampling_options& options);

/// Pictures float32 [count, 3, S, S] in [-1, 1] for one prompt. Picture i depends on the seed and i alone: more
/// pictures, or another prompt, start from the same noise. `on_picture` is called with the number of finished ones.
at::Tensor sample_pictures(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                           const std::string& prompt, const at::Tensor& vectors,
                           const sampling_options& options, const training::batch_workers& workers,
                           const std::function<void(std::int64_t)>& on_picture = {});

}  // namespace dvar::cli
