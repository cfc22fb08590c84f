#pragma once

#include "diffusion/noise_schedule.hpp"

namespace dvar::training {

/// Returns what the losses at timesteps [batch] are multiplied by in min-SNR weighting (Hang et al., arXiv 2303.09556, section 3.4, as
/// diffusers' programs have it): min(SNR, gamma) / SNR for a network that predicts the noise, min(SNR, gamma) / (SNR + 1) for the
/// velocity, min(SNR, gamma) for the latents themselves; float64 [batch].
at::Tensor min_snr_weights(const diffusion::noise_schedule& schedule, const at::Tensor& timesteps,
                           double gamma);

}  // namespace dvar::training
