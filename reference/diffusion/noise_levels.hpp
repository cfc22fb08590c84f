#pragma once

#include <vector>

#include "diffusion/noise_schedule.hpp"

namespace dvar::diffusion {

/// Holds the shares of picture and noise in a sample of noise level sigma = spread / signal, of a process that keeps the
/// variance: signal^2 + spread^2 = 1.
struct noise_level {
  explicit noise_level(double sigma);

  /// Returns half the logarithm of the signal-to-noise ratio; infinite at sigma = 0.
  double lambda() const;

  double signal;
  double spread;
};

/// Returns sigma = sqrt((1 - abar) / abar) of every timestep, rising; in fp32, as the published samplers have them, which
/// decides where a timestep lies half-way. A schedule that ends without any signal has a last sigma of 2^12, as published.
std::vector<float> sigmas_of(const noise_schedule& schedule);

/// Returns sigma at a timestep from 0 to the schedule's last, in a straight line between those of `sigmas_of`.
double sigma_at(double timestep, const std::vector<float>& sigmas);

/// Returns the timestep, not rounded, where the logarithm of `sigmas_of` is that of sigma, in a straight line between them;
/// the nearest end for a sigma beyond them.
double timestep_at(double sigma, const std::vector<float>& sigmas);

/// Returns `steps` levels that fall from `greatest` to `least` (Karras et al., arXiv 2206.00364, equation 5, rho 7).
std::vector<double> karras_sigmas(double greatest, double least, std::int64_t steps);

}  // namespace dvar::diffusion
