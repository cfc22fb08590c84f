#pragma once

#include <optional>
#include <string_view>

namespace dvar {

/// Holds what a criterion says after an observation.
struct verdict {
  /// Says whether to stop now. It is not latched: it answers for the latest observation.
  bool stop = false;

  /// Says whether the criterion has yet to see enough observations to judge. It is never set together with
  /// `stop`.
  bool warming_up = false;

  /// Names the rule that stops, such as "variance_ratio", in static storage; empty while nothing does.
  std::string_view rule{};

  /// Holds the number that was compared with the threshold. No value while there is none: warming up and
  /// undefined are neither 0 nor 1.
  std::optional<double> statistic{};

  bool operator==(const verdict&) const = default;
};

}  // namespace dvar
