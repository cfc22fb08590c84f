#pragma once

#include "diffusion/sampler.hpp"
#include "diffusion/timestep_spacing.hpp"

namespace dvar::diffusion {

struct dpm_solver_options {
  std::int64_t steps = 50;
  std::int64_t order = 2;  ///< 1 or 2
  enum class solver { midpoint, heun } kind = solver::midpoint;
  bool lower_order_final = true;  ///< the last of fewer than 15 steps is of first order
  bool euler_at_final = false;    ///< the last step is of first order whatever their number
  bool karras_sigmas = false;     ///< noise levels of Karras et al., arXiv 2206.00364, equation 5, rho 7
  bool ends_at_zero = true;       ///< `final_sigmas_type`: the last noise level is 0, or the schedule's least
  std::int64_t steps_offset = 0;
  timestep_spacing spacing = timestep_spacing::linspace;

  /// Reads `scheduler_config.json`; `steps` is the caller's. Throws `input_error` naming file and key, also for the
  /// algorithms of DPMSolverMultistepScheduler that are not here.
  static dpm_solver_options from_config(const weights::config_reader& config);
};

/// DPM-Solver++ (Lu et al., arXiv 2211.01095), multistep, first or second order (2M), in the parametrisation by
/// sigma = sqrt((1 - abar) / abar), with the options of diffusers' DPMSolverMultistepScheduler.
class dpm_solver_sampler final : public sampler {
 public:
  /// Throws `input_error` if `options.steps` is not between 1 and the schedule's steps (one fewer with leading
  /// spacing), or if `options.steps_offset` leads to a timestep beyond the schedule.
  dpm_solver_sampler(const noise_schedule& schedule, const dpm_solver_options& options);

  /// sigma of each timestep, then the final one: steps + 1 values, falling.
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
