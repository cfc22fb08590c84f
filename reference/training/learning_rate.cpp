#include "training/learning_rate.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include <fmt/format.h>

namespace dvar::training {
namespace {

double half_cosine(double progress) {
  return 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

/// Returns the factor after the warm-up; `progress` goes from 0 to 1 and beyond.
double shape_factor(double progress, double rate, const learning_rate_options& options) {
  switch (options.shape) {
    case schedule_shape::linear:
      return std::max(0.0, 1.0 - progress);
    case schedule_shape::cosine:
      return std::max(0.0, half_cosine(progress));
    case schedule_shape::cosine_with_restarts:
      return progress >= 1.0
                 ? 0.0
                 : std::max(0.0,
                            half_cosine(std::fmod(static_cast<double>(options.restarts) * progress, 1.0)));
    case schedule_shape::polynomial: {
      const double left = std::max(0.0, 1.0 - progress);
      return ((rate - options.last) * std::pow(left, options.power) + options.last) / rate;
    }
    case schedule_shape::constant:
    case schedule_shape::constant_with_warmup:
      break;
  }
  return 1.0;
}

}  // namespace

double learning_rate_at(std::int64_t update, double rate, const learning_rate_options& options) {
  if (options.shape == schedule_shape::constant) return rate;
  if (options.shape == schedule_shape::polynomial && !(options.last < rate)) {
    throw std::invalid_argument(
        fmt::format("the polynomial schedule: expected to end below the learning rate of {}, found {}", rate,
                    options.last));
  }
  if (update < options.warmup_steps)
    return rate * static_cast<double>(update) / static_cast<double>(options.warmup_steps);
  const auto falling =
      static_cast<double>(std::max<std::int64_t>(1, options.total_steps - options.warmup_steps));
  const double progress = static_cast<double>(update - options.warmup_steps) / falling;
  return rate * shape_factor(progress, rate, options);
}

}  // namespace dvar::training
