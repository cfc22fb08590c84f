#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include <dvar/criteria/variance_ratio.hpp>
#include <dvar/detail/xtensor.hpp>
#include <dvar/trace/trace_record.hpp>

namespace dvar {

/// In a grid of stops: the rule does not stop on this trace.
inline constexpr std::size_t never = 0;

/// Where the variance-ratio rule would have stopped, for every window and threshold: [window, threshold], the
/// observation from 1, or `never`. Each cell is what `replay(losses, variance_ratio{…})` finds, in one pass over
/// the losses a window, whatever the number of thresholds.
///
/// Calls share nothing. To divide the work over threads, give each some of the windows, or other traces.
///
/// Throws `std::invalid_argument` when a window or a threshold is out of `variance_ratio`'s range. O(losses *
/// windows + windows * thresholds) time.
inline xt::xtensor<std::size_t, 2> threshold_grid(std::span<const double> losses,
                                                  std::span<const std::size_t> windows,
                                                  std::span<const double> thresholds,
                                                  non_finite_policy policy = non_finite_policy::keep) {
  for (const double threshold : thresholds) {
    (void)variance_ratio({.window = 2, .threshold = threshold});
  }
  // From the highest threshold down: in this order they are met.
  std::vector<std::size_t> order(thresholds.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return thresholds[a] > thresholds[b]; });

  const std::array<std::size_t, 2> shape{windows.size(), thresholds.size()};
  xt::xtensor<std::size_t, 2> stops(shape, never);
  std::array<double, 1024> ratios;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    variance_ratio rule({.window = windows[w], .threshold = 1.0, .non_finite = policy});
    auto next = order.begin();
    for (std::size_t begin = 0; begin < losses.size() && next != order.end(); begin += ratios.size()) {
      const auto some = losses.subspan(begin, std::min(ratios.size(), losses.size() - begin));
      rule.observe(some, std::span(ratios).first(some.size()));
      for (std::size_t i = 0; i < some.size() && next != order.end(); ++i) {
        for (; next != order.end() && ratios[i] < thresholds[*next]; ++next) {
          stops(w, *next) = begin + i + 1;
        }
      }
    }
  }
  return stops;
}

/// The same for the probe losses of a recorded run, with the recorded steps for the observations. Records
/// without a probe loss are passed over.
inline xt::xtensor<std::size_t, 2> threshold_grid(const trace& records, std::span<const std::size_t> windows,
                                                  std::span<const double> thresholds,
                                                  non_finite_policy policy = non_finite_policy::keep) {
  std::vector<double> losses;
  std::vector<std::size_t> steps;
  for (const trace_record& record : records) {
    if (record.probe_loss) {
      losses.push_back(*record.probe_loss);
      steps.push_back(record.step);
    }
  }
  auto stops = threshold_grid(losses, windows, thresholds, policy);
  for (auto stop = stops.data(); stop != stops.data() + stops.size(); ++stop) {
    *stop = *stop == never ? never : steps[*stop - 1];
  }
  return stops;
}

}  // namespace dvar
