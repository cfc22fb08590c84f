#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "random_stream.hpp"

namespace dvar::stress {

/// Says what a rule should do with a kind of series: see judging.hpp.
enum class expectation {
  /// Stop when most of the fall is done, and not long after.
  falls,
  /// Stop at some time: there is nothing to come.
  rests,
  /// Nothing: nobody knows what comes.
  unknown,
};

/// Holds one made-up run.
struct made_series {
  /// Has the curve without its noise.
  std::vector<double> noiseless;
  /// Has what a rule is shown.
  std::vector<double> observed;
};

/// Describes a kind of series.
struct kind {
  std::string_view name;
  /// Says for people what it is, with the ranges of its parameters. F is the fall, L the length.
  std::string_view summary;
  expectation expected;
  /// Draws the parameters and the noise of a run, and fills both of its series, which have their length.
  void (*make)(random_stream& random, made_series& run);
};

/// Returns all kinds, in the order of the tables.
std::span<const kind> all_kinds();

}  // namespace dvar::stress
