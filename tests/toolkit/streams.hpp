#pragma once

#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace dvar::test {

/// Computes the population variance in two passes and long double, the deviations taken from the first value
/// so that a large offset costs nothing.
inline long double two_pass_variance(std::span<const double> values, std::size_t ddof = 0) {
  long double sum = 0;
  for (const double value : values)
    sum += static_cast<long double>(value) - values.front();
  const long double mean = sum / static_cast<long double>(values.size());
  long double squares = 0;
  long double rest = 0;
  for (const double value : values) {
    const long double deviation = static_cast<long double>(value) - values.front() - mean;
    squares += deviation * deviation;
    rest += deviation;
  }
  const auto n = static_cast<long double>(values.size());
  return (squares - rest * rest / n) / (n - static_cast<long double>(ddof));
}

inline double relative_error(double value, long double expected) {
  return static_cast<double>(std::abs((value - expected) / expected));
}

inline std::vector<double> white_noise(std::size_t length) {
  std::mt19937_64 engine{20230209};
  std::normal_distribution<double> normal;
  std::vector<double> values(length);
  for (double& value : values)
    value = normal(engine);
  return values;
}

/// A loss like a probe's: it falls, then flattens.
inline std::vector<double> falling_then_flat(std::size_t length, double pace, double noise) {
  std::vector<double> values = white_noise(length);
  for (std::size_t i = 0; i < length; ++i)
    values[i] = 0.18 + 1e-3 * (std::exp(-pace * static_cast<double>(i)) + noise * values[i]);
  return values;
}

struct stream {
  std::string name;
  std::vector<double> values;
};

/// Returns streams on which formulas for a variance are known to fail, and the probe's own kind.
inline std::vector<stream> streams(std::size_t length) {
  std::mt19937_64 engine{20230209};
  std::normal_distribution<double> normal;
  const auto generate = [&](auto&& value) {
    std::vector<double> values;
    for (std::size_t i = 0; i < length; ++i)
      values.push_back(value(static_cast<double>(i)));
    return values;
  };
  const auto n = static_cast<double>(length);
  double walk = 0;
  std::vector<stream> all{
      {"white noise", white_noise(length)},
      {"1e9 +- 1e-3", generate([&](double) { return 1e9 + 1e-3 * normal(engine); })},
      {"1e12, then 1e-6", generate([&](double i) { return (i < n / 3 ? 1e12 : 1e-6) * normal(engine); })},
      {"noise that dies down",
       generate([&](double i) { return 0.2 + 0.02 * std::pow(1e-4, i / n) * normal(engine); })},
      {"a probe loss", generate([&](double i) {
         return static_cast<double>(
             static_cast<float>(0.18 + 1e-3 * std::exp(-6 * i / n) + 1e-5 * normal(engine)));
       })},
      {"one spike of 1e9", generate([&](double i) { return i == 100 ? 1e9 : 0.18 + 1e-5 * normal(engine); })},
      {"random walk", generate([&](double) { return walk += normal(engine); })},
      {"a linear trend", generate([&](double i) { return 5.0 - 1e-3 * i; })},
      {"tiny", generate([&](double) { return 1e-150 * normal(engine); })},
  };
  stream regimes{"regimes", {}};
  std::uniform_real_distribution<double> exponent(-9.0, 9.0);
  std::uniform_int_distribution<int> stay(1, 400);
  while (regimes.values.size() < length) {
    const double center = std::pow(10.0, exponent(engine));
    const double spread = center * std::pow(10.0, -std::abs(exponent(engine)) / 2);
    for (int left = stay(engine); left > 0 && regimes.values.size() < length; --left)
      regimes.values.push_back(center + spread * normal(engine));
  }
  all.push_back(std::move(regimes));
  return all;
}

}  // namespace dvar::test
