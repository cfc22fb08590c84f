#include "diffusion/noise_levels.hpp"

#include <algorithm>
#include <cmath>

namespace dvar::diffusion {

noise_level::noise_level(double sigma)
    : signal{1.0 / std::sqrt(sigma * sigma + 1.0)}, spread{sigma * signal} {}

double noise_level::lambda() const {
  return std::log(signal) - std::log(spread);
}

std::vector<float> sigmas_of(const noise_schedule& schedule) {
  const at::Tensor alphas = schedule.alphas_cumulative().to(at::kFloat).contiguous();
  std::vector<float> sigmas(alphas.data_ptr<float>(), alphas.data_ptr<float>() + alphas.numel());
  for (float& value : sigmas) {
    const float alpha = value > 0.0F ? value : std::ldexp(1.0F, -24);
    value = std::sqrt((1.0F - alpha) / alpha);
  }
  return sigmas;
}

double sigma_at(double timestep, const std::vector<float>& sigmas) {
  const auto low = static_cast<std::size_t>(timestep);
  const std::size_t high = std::min(low + 1, sigmas.size() - 1);
  return (timestep - static_cast<double>(low)) * (double{sigmas[high]} - double{sigmas[low]}) + sigmas[low];
}

double timestep_at(double sigma, const std::vector<float>& sigmas) {
  if (sigmas.size() == 1) return 0.0;
  const double wanted = std::log(sigma);
  const auto log_of = [&](std::int64_t i) { return std::log(sigmas[static_cast<std::size_t>(i)]); };
  std::int64_t low = 0;
  std::int64_t high = static_cast<std::int64_t>(sigmas.size()) - 1;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (log_of(middle) <= wanted ? low : high) = middle;
  }
  const double weight = (log_of(low) - wanted) / (log_of(low) - log_of(high));
  return static_cast<double>(low) + std::clamp(weight, 0.0, 1.0);
}

std::vector<double> karras_sigmas(double greatest, double least, std::int64_t steps) {
  constexpr double rho = 7.0;
  const double begin = std::pow(greatest, 1.0 / rho);
  const double end = std::pow(least, 1.0 / rho);
  std::vector<double> chosen;
  for (std::int64_t i = 0; i < steps; ++i) {
    const double ramp = steps > 1 ? static_cast<double>(i) / static_cast<double>(steps - 1) : 0.0;
    chosen.push_back(std::pow(begin + ramp * (end - begin), rho));
  }
  return chosen;
}

}  // namespace dvar::diffusion
