#pragma once

#include "diffusion/sampler.hpp"
#include "diffusion/timestep_spacing.hpp"

namespace dvar::diffusion {

struct dpm_solver_options {
  std::int64_t steps = 50;
  std::int64_t order = 2;  ///< 1 or 2
  enum class solver { midpoint, heun } kind = solver::midpoint;
  /// Whether the last of fewer than 15 steps is of first order.
  bool lower_order_final = true;
  /// Whether the last step is of first order whatever their number.
  bool euler_at_final = false;
  /// Whether noise levels are those of Karras et al., arXiv 2206.00364, equation 5, rho 7.
  bool karras_sigmas = false;
  /// `final_sigmas_type`: whether the last noise level is 0 or the schedule's least.
  bool ends_at_zero = true;
  std::int64_t steps_offset = 0;
  timestep_spacing spacing = timestep_spacing::linspace;

  /// Reads `scheduler_config.json`; `steps` is the caller's. Throws `dvar::input_error` when a key is wrong
  /// or names an algorithm of DPMSolverMultistepScheduler that is not here, and names file and key.
  static dpm_solver_options from_config(const weights::config_reader& config);
};

/// Samples by DPM-Solver++ (Lu et al., arXiv 2211.01095), multistep, first or second order (2M), in the
/// parametrization by sigma = sqrt((1 - abar) / abar), with the options of diffusers' DPMSolverMultistepScheduler.
class dpm_solver_sampler final : public sampler {
 public:
  /// Prepares a trajectory. Throws `dvar::input_error` when `options.steps` is not between 1 and the
  /// schedule's steps (one fewer with leading spacing), or when `options.steps_offset` leads to a timestep
  /// beyond the schedule.
  dpm_solver_sampler(const noise_schedule& schedule, const dpm_solver_options& options);

  /// Returns sigma of each timestep, then the final one: steps + 1 values, falling.
  const std::vector<double>& sigmas() const { return path_.sigmas; }

 private:
  struct visited {
    std::vector<std::int64_t> timesteps;
    std::vector<double> sigmas;
  };

  dpm_solver_sampler(const noise_schedule& schedule, const dpm_solver_options& options, visited path);
  static visited path_of(const noise_schedule& schedule, const dpm_solver_options& options);

  at::Tensor advance(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample,
                     const at::Tensor& noise) override;
  void forget() override { previous_clean_ = at::Tensor{}; }

  bool is_first_order(std::size_t index) const;

  dpm_solver_options options_;
  visited path_;
  at::Tensor previous_clean_;  ///< x_0 as the step before saw it
};

}  // namespace dvar::diffusion
