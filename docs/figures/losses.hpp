#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

#include <dvar/probe/draws.hpp>

/// Makes up losses for the pictures: a curve, and noise with a seed.
namespace figures {

using series = std::vector<double>;

/// Draws standard normal numbers by Box and Muller: the same with every standard library, which
/// `std::normal_distribution` is not.
class gaussian {
 public:
  explicit gaussian(std::uint64_t seed) : engine_(seed) {}

  double operator()() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  /// Draws a number above 0 and at most 1.
  double uniform() { return dvar::draw_unit(engine_) + 0x1p-53; }

  std::mt19937_64 engine_;
};

/// Returns `curve(t)` for t = 1, …, n, plus noise.
template <class Curve>
series losses(std::size_t n, Curve curve, double deviation = 0.0, std::uint64_t seed = 1) {
  gaussian noise(seed);
  series values;
  for (std::size_t t = 1; t <= n; ++t)
    values.push_back(curve(static_cast<double>(t)) + deviation * noise());
  return values;
}

/// Falls from 1 towards 0.2, e-fold in `time`.
inline auto decay(double time) {
  return [time](double t) { return 0.2 + 0.8 * std::exp(-t / time); };
}

inline auto level(double height) {
  return [height](double /*t*/) { return height; };
}

/// Falls from 1 by `slope` an observation.
inline auto line(double slope) {
  return [slope](double t) { return 1.0 - slope * t; };
}

/// Falls as `decay` does, and rises again: an error on data that are not trained on.
inline auto overfit(double time, double rise) {
  return [=](double t) { return 0.2 + 0.8 * std::exp(-t / time) + rise * t; };
}

/// Falls, rests at 0.6 between the two times, and falls on.
inline auto terrace(double begin, double end) {
  return [=](double t) {
    const double first = 0.6 + 0.4 * std::exp(-4.0 * t / begin);
    return t < end ? first : 0.2 + (first - 0.2) * std::exp(-(t - end) / begin);
  };
}

inline auto wave(double period) {
  return [period](double t) { return 0.5 + 0.3 * std::cos(2.0 * std::numbers::pi * t / period); };
}

/// Returns x_t = coefficient x_{t-1} + noise, of variance 1, around 0.5 and times `scale`.
inline series wandering(std::size_t n, double coefficient, double scale, std::uint64_t seed) {
  gaussian noise(seed);
  const double innovation = std::sqrt(1.0 - coefficient * coefficient);
  double x = noise();
  series values;
  for (std::size_t t = 0; t < n; ++t) {
    values.push_back(0.5 + scale * x);
    x = coefficient * x + innovation * noise();
  }
  return values;
}

}  // namespace figures
