#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include <dvar/detail/finite.hpp>
#include <dvar/rules/variance_ratio.hpp>

namespace dvar::inline v0_2 {

/// Says in a grid of stops that the rule does not stop on this trace.
inline constexpr std::size_t never = 0;

/// Finds where the variance-ratio rule would have stopped, as `threshold_grid` does, and writes it to the caller's memory: a
/// row a window, and in it a threshold after the other. Throws as `threshold_grid` does.
/// Precondition: `stops.size() == windows.size() * thresholds.size()`.
inline void find_stops(std::span<const double> losses, std::span<const std::size_t> windows,
                       std::span<const double> thresholds, non_finite_policy policy,
                       std::span<std::size_t> stops) {
  for (const double threshold : thresholds)
    (void)variance_ratio({.window = 2, .threshold = threshold});
  // From the highest threshold down: in this order they are met.
  std::vector<std::size_t> order(thresholds.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return thresholds[a] > thresholds[b]; });
  std::fill(stops.begin(), stops.end(), never);
  std::array<double, 1024> ratios;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    variance_ratio rule({.window = windows[w], .threshold = 1.0, .non_finite = policy});
    auto next = order.begin();
    for (std::size_t begin = 0; begin < losses.size() && next != order.end(); begin += ratios.size()) {
      const auto some = losses.subspan(begin, std::min(ratios.size(), losses.size() - begin));
      rule.observe(some, std::span(ratios).first(some.size()));
      for (std::size_t i = 0; i < some.size() && next != order.end(); ++i)
        for (; next != order.end() && detail::is_finite(ratios[i]) && ratios[i] < thresholds[*next]; ++next)
          stops[w * thresholds.size() + *next] = begin + i + 1;
    }
  }
}

}  // namespace dvar::inline v0_2
