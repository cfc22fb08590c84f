#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <dvar/state.hpp>

namespace dvar {

/// What a criterion says after an observation.
struct verdict {
  /// Whether to stop now. Not latched: it answers for the latest observation.
  bool stop = false;

  /// Whether the criterion has yet to see enough observations to judge. Never set together with `stop`.
  bool warming_up = false;

  /// The name of the rule that stops, such as "variance_ratio"; empty while nothing does. Refers to static
  /// storage.
  std::string_view reason{};

  /// The number that was compared with the threshold. No value while there is none: warming up and undefined
  /// are neither 0 nor 1.
  std::optional<double> statistic{};

  bool operator==(const verdict&) const = default;
};

/// A stopping rule: a value that is shown one observation after the other.
///
/// - `observe(x)` takes an observation, finite or not, and returns the verdict on all of them so far;
/// - `latest()` returns that verdict again (for a new or a reset object: the verdict before any observation);
/// - `reason()` says the same in a sentence for people;
/// - `reset()` makes the object equal to a new one of the same configuration;
/// - `save` and `load` carry the exact state, so that a loaded object continues bit for bit.
///
/// A criterion that counts steps rather than observations may also take `observe(x, step)`: see `observe_at`.
template <class C>
concept criterion = std::copyable<C> && stateful<C> && requires(C& c, const C& constant, double x) {
  { c.observe(x) } -> std::same_as<verdict>;
  { constant.latest() } -> std::same_as<verdict>;
  { constant.reason() } -> std::convertible_to<std::string>;
  { c.reset() } -> std::same_as<void>;
};

/// Shows `value`, measured after training step `step` (from 1), to a criterion, with the step if it wants to
/// know.
template <criterion C>
verdict observe_at(C& c, double value, std::size_t step) {
  if constexpr (requires {
                  { c.observe(value, step) } -> std::same_as<verdict>;
                }) {
    return c.observe(value, step);
  } else {
    return c.observe(value);
  }
}

}  // namespace dvar
