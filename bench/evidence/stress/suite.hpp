#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kinds.hpp"

namespace dvar::stress {

/// Holds what the suite is told.
struct suite_options {
  /// Says how many runs of each kind there are.
  std::size_t runs = 10000;
  /// Says how many observations a run has: L.
  std::size_t length = 1500;
  /// Chooses the runs.
  std::uint64_t seed = 1;
  /// Says how many threads share the runs. The results are the same with any number.
  std::size_t threads = 2;
};

/// Counts what a rule did with the runs of a kind.
struct tally {
  std::string_view kind;
  std::string rule;
  std::size_t runs = 0;
  std::size_t stopped = 0;
  std::size_t false_stops = 0;
  std::size_t late_stops = 0;
  std::size_t missed = 0;
  /// Has the quartiles of the observations at which it stopped, of the runs that it stopped; no value where it stopped
  /// none. The p-quantile is the value in place ceil(p n), from 1.
  std::optional<std::array<std::size_t, 3>> quartiles{};

  bool operator==(const tally&) const = default;
};

/// Shows every rule the runs of every kind, and returns a tally for each kind and, within it, each rule. A rule is told
/// by its text, as `make_criterion` reads it; one object is reset and used again for all runs of a thread. Throws
/// `std::invalid_argument` for a rule that cannot be made, and when there are no runs, no observations or no threads.
std::vector<tally> run_suite(std::span<const kind> kinds, std::span<const std::string> rules,
                             const suite_options& options);

}  // namespace dvar::stress
