#pragma once

#include "diffusion/sampler.hpp"
#include "diffusion/timestep_spacing.hpp"

namespace dvar::diffusion {

struct euler_options {
  std::int64_t steps = 50;
  /// Whether every step goes too far down and adds noise up to its level (ancestral sampling).
  bool ancestral = false;
  /// Whether noise levels are those of Karras et al., arXiv 2206.00364, equation 5, rho 7; never of ancestral sampling.
  bool karras_sigmas = false;
  /// `final_sigmas_type`: whether the last noise level is 0 or the schedule's least; always 0 of ancestral sampling.
  bool ends_at_zero = true;
  std::int64_t steps_offset = 0;
  timestep_spacing spacing = timestep_spacing::linspace;

  /// Reads `scheduler_config.json` as EulerAncestralDiscreteScheduler does, which knows fewer keys, or as
  /// EulerDiscreteScheduler; `steps` is the caller's. Throws `dvar::input_error` when a key is wrong or names what is not
  /// here, and names file and key.
  static euler_options from_config(const weights::config_reader& config, bool ancestral);
};

/// Samples by Euler's method (Karras et al., arXiv 2206.00364, algorithm 2 without churn), or ancestrally, with the options
/// of diffusers' EulerDiscreteScheduler and EulerAncestralDiscreteScheduler. Samples are picture + sigma noise, of a process
/// whose variance grows; timesteps of linspace and of Karras' levels have fractions, as published.
class euler_sampler final : public sampler {
 public:
  /// Prepares a trajectory. Throws `dvar::input_error` when `options.steps` is not between 1 and the schedule's steps, when
  /// `options.steps_offset` leads to a timestep beyond the schedule, or when the network of ancestral sampling predicts the
  /// picture.
  euler_sampler(const noise_schedule& schedule, const euler_options& options);

  at::Tensor initial_sample(const at::Tensor& noise) const override;
  bool draws_noise() const override { return options_.ancestral; }

  /// Returns sigma of each timestep, then the final one: steps + 1 values, falling.
  const std::vector<double>& sigmas() const { return path_.sigmas; }

 private:
  struct visited {
    std::vector<double> timesteps;
    std::vector<double> sigmas;
  };

  euler_sampler(const noise_schedule& schedule, const euler_options& options, visited path);
  static visited path_of(const noise_schedule& schedule, const euler_options& options);

  at::Tensor scaled(std::size_t index, const at::Tensor& sample) const override;
  at::Tensor advance(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample,
                     const at::Tensor& noise) override;

  euler_options options_;
  visited path_;
};

}  // namespace dvar::diffusion
