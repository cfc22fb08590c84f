#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <dvar/detail/xtensor.hpp>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/trace/find_stops.hpp>
#include <dvar/trace/trace.hpp>

namespace dvar::inline v0_2 {

/// Finds where the variance-ratio rule would have stopped, for every window and threshold: [window,
/// threshold], the observation from 1, or `never`. Each cell is what `replay(losses, variance_ratio{…})`
/// finds, in one pass over the losses a window, whatever the number of thresholds.
///
/// Calls share nothing. To divide the work over threads, give each some of the windows, or other traces.
///
/// Throws `std::invalid_argument` when a window or a threshold is out of `variance_ratio`'s range. Takes
/// O(losses * windows + windows * thresholds) time.
inline xt::xtensor<std::size_t, 2> threshold_grid(std::span<const double> losses,
                                                  std::span<const std::size_t> windows,
                                                  std::span<const double> thresholds,
                                                  non_finite_policy policy = non_finite_policy::keep) {
  const std::array<std::size_t, 2> shape{windows.size(), thresholds.size()};
  xt::xtensor<std::size_t, 2> stops(shape, never);
  find_stops(losses, windows, thresholds, policy, std::span(stops.data(), stops.size()));
  return stops;
}

/// Finds where the rule would have stopped a recorded run, by its values of one name, with the recorded steps
/// for the observations. Records without one are passed over.
inline xt::xtensor<std::size_t, 2> threshold_grid(const trace& records, std::span<const std::size_t> windows,
                                                  std::span<const double> thresholds,
                                                  non_finite_policy policy = non_finite_policy::keep,
                                                  std::string_view name = probe_loss_name) {
  std::vector<double> losses;
  std::vector<std::size_t> steps;
  for (const trace_record& record : records) {
    if (const std::optional<double> value = record[name]) {
      losses.push_back(*value);
      steps.push_back(record.step());
    }
  }
  auto stops = threshold_grid(losses, windows, thresholds, policy);
  for (auto stop = stops.data(); stop != stops.data() + stops.size(); ++stop)
    *stop = *stop == never ? never : steps[*stop - 1];
  return stops;
}

}  // namespace dvar::inline v0_2
