#pragma once

#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <span>
#include <vector>

namespace dvar::bench {

/// Returns the probe loss of a run: it falls, then stays.
inline std::vector<double> losses(std::size_t length, unsigned seed = 1) {
  std::mt19937_64 engine{seed};
  std::normal_distribution<double> noise(0.0, 1e-5);
  std::vector<double> values;
  for (std::size_t i = 0; i < length; ++i) {
    values.push_back(0.18 + 1e-3 * std::exp(-3.0 * static_cast<double>(i) / static_cast<double>(length)) +
                     noise(engine));
  }
  return values;
}

inline double two_pass_variance(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0.0;
  for (const double value : values)
    squares += (value - mean) * (value - mean);
  return squares / n;
}

/// Computes the rule by its definition: both variances anew.
inline double plain_ratio(std::span<const double> history, std::size_t window) {
  return two_pass_variance(history.last(window)) / two_pass_variance(history);
}

}  // namespace dvar::bench
