#pragma once

#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include <dvar/trace/replay.hpp>

/// Returns `curve(t)` for t = 1, …, n, with a ripple of the given height in place of noise: the same
/// numbers everywhere.
template <class Curve>
std::vector<double> losses_of(int n, Curve curve, double ripple = 0.0) {
  std::vector<double> losses;
  for (int t = 1; t <= n; ++t)
    losses.push_back(curve(t) + ripple * std::sin(12.9898 * t + std::cos(78.233 * t)));
  return losses;
}

/// Returns losses that fall from 1 to 0.2 and stay there.
inline std::vector<double> falling_loss(double ripple = 0.01) {
  return losses_of(1200, [](int t) { return 0.2 + 0.8 * std::exp(-t / 80.0); }, ripple);
}

/// Returns losses that fall, and rise again: an error on data that are not trained on.
inline std::vector<double> rising_again() {
  return losses_of(600, [](int t) { return 0.2 + 0.8 * std::exp(-t / 80.0) + 2e-4 * t; });
}

inline void show(const std::string& what, const dvar::replay_result& run) {
  std::cout << what << ": "
            << (run.stopped_at ? "stops at " + std::to_string(*run.stopped_at) : std::string("goes on"))
            << ": " << run.reason << '\n';
}
