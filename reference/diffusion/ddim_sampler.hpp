#pragma once

#include "diffusion/sampler.hpp"
#include "diffusion/timestep_spacing.hpp"

namespace dvar::diffusion {

struct ddim_options {
  std::int64_t steps = 50;
  double eta = 0.0;  ///< from 0, deterministic, to 1, as noisy as DDPM
  bool set_alpha_to_one = true;
  std::int64_t steps_offset = 0;
  timestep_spacing spacing = timestep_spacing::leading;
  bool clip_sample = false;
  double clip_sample_range = 1.0;

  /// Reads `scheduler_config.json`; `steps` and `eta` are the caller's. Throws `dvar::input_error` when a key
  /// is wrong, and names file and key.
  static ddim_options from_config(const weights::config_reader& config);
};

/// Samples by DDIM (Song et al., arXiv 2010.02502, equation 12), with the options of diffusers' DDIMScheduler.
class ddim_sampler final : public sampler {
 public:
  /// Prepares a trajectory. Throws `dvar::input_error` when `options.steps` is not between 1 and the
  /// schedule's steps, or when `options.steps_offset` leads to a timestep beyond the schedule.
  ddim_sampler(const noise_schedule& schedule, const ddim_options& options);

  bool draws_noise() const override { return options_.eta > 0.0; }

 private:
  at::Tensor advance(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample,
                     const at::Tensor& noise) override;
  double alpha_before(std::int64_t timestep) const;

  ddim_options options_;
};

}  // namespace dvar::diffusion
