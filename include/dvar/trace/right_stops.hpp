#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include <dvar/detail/finite.hpp>

namespace dvar::inline v0_2 {

/// Says of a run that is known whole which of its observations, counted from 1, were right ones to stop at.
struct right_stops {
  static constexpr double tolerated =
      0.1;  ///< is the share of the fall that may be still to come, or lost again
  static constexpr std::size_t tolerated_times =
      3;  ///< are the observations up to the first right stop that may be spent

  /// Is the first by which 90 % of the whole fall is done. A stop before it is early.
  std::size_t from = 1;
  /// Is the last right one, and may lie beyond the end of the run: a run that ends before it did right to go on. A stop after it
  /// is late.
  std::size_t to = 1;

  friend bool operator==(const right_stops&, const right_stops&) = default;
};

/// Finds the right stops of a curve without noise, or that was smoothed: once 90 % of its fall is done, from its first value to its
/// least; up to three times as many observations; and not after it has risen again by more than 10 % of the fall above its least. No
/// value where the curve does not fall, is empty, or not all of it is finite. Takes O(n) time and no memory.
///
/// What is right is a convention, not a theorem: it asks how much of what was to be had a stop leaves, and what waiting for it
/// costs.
inline std::optional<right_stops> find_right_stops(std::span<const double> curve) {
  if (curve.empty()) return std::nullopt;
  for (const double value : curve)
    if (!detail::is_finite(value)) return std::nullopt;
  const auto least = std::min_element(curve.begin(), curve.end());
  const double margin = right_stops::tolerated * (curve.front() - *least);
  if (!(margin > 0.0)) return std::nullopt;
  const auto place_of = [&](auto found) { return static_cast<std::size_t>(found - curve.begin()) + 1; };
  const std::size_t from = place_of(
      std::find_if(curve.begin(), curve.end(), [&](double value) { return value - *least <= margin; }));
  const std::size_t latest = right_stops::tolerated_times * from;
  const auto risen = std::find_if(least, curve.end(), [&](double value) { return value - *least > margin; });
  return right_stops{.from = from,
                     .to = risen == curve.end() ? latest : std::min(latest, place_of(risen) - 1)};
}

}  // namespace dvar::inline v0_2
