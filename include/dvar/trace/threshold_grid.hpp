#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <dvar/criteria/variance_ratio.hpp>
#include <dvar/detail/stops.hpp>
#include <dvar/detail/xtensor.hpp>
#include <dvar/trace/trace_record.hpp>

namespace dvar {

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
  const std::array<std::size_t, 2> shape{windows.size(), thresholds.size()};
  xt::xtensor<std::size_t, 2> stops(shape, never);
  detail::find_stops(losses, windows, thresholds, policy, std::span(stops.data(), stops.size()));
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
  for (auto stop = stops.data(); stop != stops.data() + stops.size(); ++stop)
    *stop = *stop == never ? never : steps[*stop - 1];
  return stops;
}

}  // namespace dvar
