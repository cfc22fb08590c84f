#pragma once

#include "torch.hpp"
#include "weights/config.hpp"

namespace dvar::diffusion {

/// Says what the network is trained to predict.
enum class prediction { epsilon, velocity, sample };

struct noise_schedule_options {
  std::int64_t steps = 1000;
  double beta_start = 0.00085;  ///< between 0 and 1, as `beta_end` and `betas`
  double beta_end = 0.012;
  std::string beta_schedule = "scaled_linear";  ///< linear, scaled_linear or squaredcos_cap_v2
  std::vector<double> betas;                    ///< takes the place of the schedule if not empty
  prediction predicts = prediction::epsilon;
  /// Whether the last abar becomes 0 (Lin et al., arXiv 2305.08891, algorithm 1).
  bool rescale_to_zero_snr = false;

  /// Reads `scheduler_config.json`. Throws `dvar::input_error` when a key is wrong, and names file and key.
  static noise_schedule_options from_config(const weights::config_reader& config);
};

/// Returns how many timesteps the schedule that `scheduler_config.json` describes has: as many as its
/// `trained_betas`, or `num_train_timesteps`. Throws `dvar::input_error`, which names file and key, unless
/// they are 1 to 100,000.
std::int64_t trained_timesteps(const weights::config_reader& config);

/// Runs the forward process of a diffusion model (Ho et al., arXiv 2006.11239): q(x_t | x_0) is normal with
/// mean sqrt(abar_t) x_0 and variance 1 - abar_t, for t = 0 … steps - 1.
class noise_schedule {
 public:
  /// Computes abar, for latents on `device`. Throws `dvar::input_error` when it does not stay between 0 and 1 in fp32;
  /// rescaled to end without signal, the last is 0.
  explicit noise_schedule(const noise_schedule_options& options, const at::Device& device = at::kCPU);

  std::int64_t steps() const { return options_.steps; }
  prediction predicts() const { return options_.predicts; }

  /// Returns abar_t for t = 0 … steps - 1, float64 [steps] on the CPU; computed in fp32 as the published schedulers do.
  const at::Tensor& alphas_cumulative() const { return alphas_cumulative_; }

  /// Returns the signal-to-noise ratio abar_t / (1 - abar_t) at timesteps [batch]: float64 [batch], on their device.
  at::Tensor signal_to_noise(const at::Tensor& timesteps) const;

  /// Returns x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise. latents, noise [batch, …]; timesteps [batch].
  at::Tensor add_noise(const at::Tensor& latents, const at::Tensor& noise, const at::Tensor& timesteps) const;

  /// Returns what the network should predict for x_t: the noise, the velocity sqrt(abar_t) noise - sqrt(1 -
  /// abar_t) x_0 (Salimans and Ho, arXiv 2202.00512), or x_0.
  at::Tensor target(const at::Tensor& latents, const at::Tensor& noise, const at::Tensor& timesteps) const;

 private:
  /// Returns sqrt(abar_t) and sqrt(1 - abar_t), shaped to multiply `like`.
  std::pair<at::Tensor, at::Tensor> scales(const at::Tensor& like, const at::Tensor& timesteps) const;

  noise_schedule_options options_;
  at::Tensor alphas_cumulative_;
  at::Tensor alphas_of_latents_;  ///< the same on the latents' device
};

}  // namespace dvar::diffusion
