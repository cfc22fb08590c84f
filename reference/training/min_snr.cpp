#include "training/min_snr.hpp"

#include <stdexcept>

namespace dvar::training {

at::Tensor min_snr_weights(const diffusion::noise_schedule& schedule, const at::Tensor& timesteps,
                           double gamma) {
  const at::Tensor ratio = schedule.signal_to_noise(timesteps);
  const at::Tensor least = ratio.clamp_max(gamma);
  switch (schedule.predicts()) {
    case diffusion::prediction::epsilon:
      return least / ratio;
    case diffusion::prediction::velocity:
      return least / (ratio + 1.0);
    case diffusion::prediction::sample:
      return least;
  }
  throw std::logic_error("min_snr_weights: unknown prediction");
}

}  // namespace dvar::training
