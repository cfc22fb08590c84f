#pragma once

/// \file
/// Says what counts as a right and a wrong stop, before any rule is looked at.
///
/// - A stop is **false** before the first right one of the curve without its noise (`dvar::find_right_stops`): more than 10 % of the
///   whole fall is still to come.
/// - A stop is **late** after the last right one: at three times as many observations, or when the curve has risen again.
/// - A run is **missed** when there was no stop by its end, although that is beyond the latest good stop. A run whose
///   latest good stop is beyond its end, such as a line, is none: to go on was right.
///
/// A series that rests from the start has no false and no late stop; it is missed without any. Of a random walk nothing
/// can be expected: its stops are counted, and nothing is held against them. A stop by the rule `non_finite` at an
/// observation that is none is right at any time.

#include <cstddef>
#include <optional>
#include <span>

#include <dvar/criteria/verdict.hpp>

#include "kinds.hpp"

namespace dvar::stress {

/// Says which observations, from 1, are good ones to stop at.
struct good_stops {
  std::size_t from = 1;
  /// Has no value where a stop cannot be late.
  std::optional<std::size_t> to{};
  /// Says whether a run without a stop is one that a good rule would have stopped.
  bool are_expected = false;
};

/// Says what became of a run.
enum class outcome : unsigned char { good_stop, false_stop, late_stop, missed, went_on };

/// Returns the good stops of a curve without noise. Precondition: it falls where that is expected, and is not empty.
good_stops find_good_stops(std::span<const double> noiseless, expectation expected);

/// Judges a stop at observation `stopped_at`, or that there was none.
outcome judge(const good_stops& good, std::optional<std::size_t> stopped_at);

/// Returns whether this is a stop for an observation that is not finite.
bool is_for_a_broken_value(const verdict& said, double observed);

}  // namespace dvar::stress
