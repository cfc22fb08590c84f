#include "judging.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <dvar/rules/non_finite.hpp>

namespace dvar::stress {

namespace {

constexpr double tolerated = 0.1;           // of the whole fall
constexpr std::size_t tolerated_times = 3;  // the steps to the earliest good stop

/// Returns the number, from 1, of the first observation from `begin` on that satisfies `is_there`; one beyond the end
/// where none does.
template <class Condition>
std::size_t first_from(std::span<const double> curve, std::size_t begin, Condition is_there) {
  const auto found = std::find_if(curve.begin() + static_cast<std::ptrdiff_t>(begin), curve.end(), is_there);
  return static_cast<std::size_t>(std::distance(curve.begin(), found)) + 1;
}

}  // namespace

good_stops find_good_stops(std::span<const double> noiseless, expectation expected) {
  if (expected == expectation::unknown) return {};
  const std::size_t length = noiseless.size();
  if (expected == expectation::rests) return {.from = 1, .to = length, .are_expected = true};
  const auto lowest = std::min_element(noiseless.begin(), noiseless.end());
  const double margin = tolerated * (noiseless.front() - *lowest);
  const auto minimum_at = static_cast<std::size_t>(std::distance(noiseless.begin(), lowest));
  const std::size_t from = first_from(noiseless, 0, [&](double value) { return value - *lowest <= margin; });
  const std::size_t risen =
      first_from(noiseless, minimum_at, [&](double value) { return value - *lowest > margin; });
  const std::size_t to = std::min(tolerated_times * from, risen - 1);
  return {.from = from, .to = std::min(to, length), .are_expected = to < length};
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
