#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <dvar/trace/right_stops.hpp>

#include "cli/replay/trace_series.hpp"

namespace dvar::cli {

/// Returns the right stops of a run's losses by their mean over a fortieth of the run to either side, or no value where that
/// does not fall or is not finite.
std::optional<right_stops> right_stops_of(const std::vector<double>& losses);

/// Says what a setting does on runs.
struct setting_result {
  std::size_t window = 0;  ///< in steps of the runs
  double threshold = 0.0;
  std::size_t runs = 0;
  std::size_t stopped = 0;
  std::size_t early = 0;  ///< counts runs that are stopped before the first right stop
  std::size_t late =
      0;  ///< counts runs that are stopped after the last, or not at all though that is in the run
  double median = 0.0;  ///< is the step of the stops; a run that is not stopped counts with its last

  std::size_t right() const { return runs - early - late; }
};

/// Says which window and threshold of the variance ratio fit recorded runs, and how sure that is.
struct suggestion {
  /// Has the fewest wrong stops on the runs, those included that are right by less than a tenth of their steps, then the fewest early
  /// ones, then the fewest steps.
  setting_result best;
  /// Counts the runs for which the setting that was chosen by all others stops right.
  std::size_t right_unseen = 0;
  /// Is the 95 % interval of the probability of that (Wilson 1927).
  double lowest = 0.0;
  double highest = 1.0;
  /// Names the runs whose loss does not fall, or is not finite: nothing is learned from them.
  std::vector<std::string> left_out{};
};

/// Finds the setting for runs; `names` are those of the traces. Takes O(values) time for each of 12 windows. Throws `dvar::input_error`
/// when fewer than three of the runs fall, one has fewer than 40 values, or it would be best to stop none of them.
suggestion suggest(const std::vector<trace_series>& runs, const std::vector<std::string>& names);

/// Says it in words, or as JSON.
std::string describe(const suggestion& found, bool as_json);

}  // namespace dvar::cli
