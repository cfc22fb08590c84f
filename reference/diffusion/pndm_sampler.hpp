#pragma once

#include "diffusion/sampler.hpp"
#include "diffusion/timestep_spacing.hpp"

namespace dvar::diffusion {

struct pndm_options {
  std::int64_t steps = 50;
  /// Whether the multistep method is linear from the start, as Stable Diffusion has it (PLMS); if not, three
  /// Runge-Kutta steps of four evaluations each come first, as in the paper.
  bool skip_prk_steps = false;
  bool set_alpha_to_one = false;
  std::int64_t steps_offset = 0;
  timestep_spacing spacing = timestep_spacing::leading;

  /// Reads `scheduler_config.json`; `steps` is the caller's. Throws `dvar::input_error` when a key is wrong,
  /// and names file and key.
  static pndm_options from_config(const weights::config_reader& config);
};

/// Samples by PNDM (Liu et al., arXiv 2202.09778): the fourth-order linear multistep method on the transfer
/// of equation 9, with the options of diffusers' PNDMScheduler. Asks the network steps + 1 times, or steps +
/// 9 with Runge-Kutta steps.
class pndm_sampler final : public sampler {
 public:
  /// Prepares a trajectory. Throws `dvar::input_error` when `options.steps` is not between 1 (4 with
  /// Runge-Kutta steps) and the schedule's steps, when `options.steps_offset` leads to a timestep beyond the
  /// schedule, when the network predicts the sample, or when the schedule ends without any signal, by which
  /// equation 9 divides.
  pndm_sampler(const noise_schedule& schedule, const pndm_options& options);

 private:
  at::Tensor advance(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample,
                     const at::Tensor& noise) override;
  void forget() override;

  at::Tensor runge_kutta(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample);
  at::Tensor multistep(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample);
  /// Moves a sample by equation 9 from `from` to `to`, which may lie before the first timestep.
  at::Tensor transfer(const at::Tensor& sample, std::int64_t from, std::int64_t to,
                      const at::Tensor& predicted) const;

  pndm_options options_;
  std::int64_t stride_;             ///< timesteps of a step
  std::size_t runge_kutta_count_;   ///< how many evaluations those steps take
  std::vector<at::Tensor> recent_;  ///< the latest predictions, oldest first, at most four
  at::Tensor sum_;                  ///< weighted predictions of the present Runge-Kutta step
  /// The sample from which a step of several evaluations goes.
  at::Tensor start_;
};

}  // namespace dvar::diffusion
