#include "judging.hpp"

#include <algorithm>
#include <cmath>

#include <dvar/rules/non_finite.hpp>
#include <dvar/trace/right_stops.hpp>

namespace dvar::stress {

good_stops find_good_stops(std::span<const double> noiseless, expectation expected) {
  if (expected == expectation::unknown) return {};
  const std::size_t length = noiseless.size();
  if (expected == expectation::rests) return {.from = 1, .to = length, .are_expected = true};
  const right_stops right = find_right_stops(noiseless).value();
  return {.from = right.from, .to = std::min(right.to, length), .are_expected = right.to < length};
}

outcome judge(const good_stops& good, std::optional<std::size_t> stopped_at) {
  if (!stopped_at) return good.are_expected ? outcome::missed : outcome::went_on;
  if (*stopped_at < good.from) return outcome::false_stop;
  return good.to && *stopped_at > *good.to ? outcome::late_stop : outcome::good_stop;
}

bool is_for_a_broken_value(const verdict& said, double observed) {
  return said.stop && said.rule == non_finite::name && !std::isfinite(observed);
}

}  // namespace dvar::stress
