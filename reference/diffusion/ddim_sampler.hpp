#pragma once

#include "diffusion/noise_schedule.hpp"

namespace dvar::diffusion {

struct ddim_options {
  std::int64_t steps = 50;
  double eta = 0.0;  ///< 0: deterministic; 1: as noisy as DDPM
  bool set_alpha_to_one = true;
  std::int64_t steps_offset = 0;
  std::string timestep_spacing = "leading";  ///< leading, trailing or linspace
  bool clip_sample = false;
  double clip_sample_range = 1.0;

  /// Reads `scheduler_config.json`; `steps` and `eta` are the caller's. Throws `input_error` naming file and key.
  static ddim_options from_config(const weights::config_reader& config);
};

/// DDIM (Song et al., arXiv 2010.02502), with the options of diffusers' DDIMScheduler.
class ddim_sampler {
 public:
  /// Throws `input_error` if `options.steps` is not between 1 and the schedule's steps, or if `options.steps_offset`
  /// leads to a timestep beyond the schedule.
  ddim_sampler(const noise_schedule& schedule, const ddim_options& options);

  /// The timesteps to visit, from noise to picture.
  const std::vector<std::int64_t>& timesteps() const { return timesteps_; }

  /// One step back: predicted is the network's output for `sample` at timesteps()[index] (equation 12).
  /// `noise` is used when eta > 0 and has the sample's shape.
  at::Tensor step(const at::Tensor& predicted, std::size_t index, const at::Tensor& sample,
                  const at::Tensor& noise = {}) const;

 private:
  double alpha_before(std::int64_t timestep) const;

  noise_schedule schedule_;
  ddim_options options_;
  std::vector<std::int64_t> timesteps_;
  std::vector<double> alphas_;
};

}  // namespace dvar::diffusion
