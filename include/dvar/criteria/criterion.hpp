#pragma once

#include <concepts>
#include <cstddef>
#include <string>

#include <dvar/criteria/report.hpp>
#include <dvar/criteria/verdict.hpp>
#include <dvar/state.hpp>

namespace dvar {

namespace detail {

/// Requires what `criterion` asks but `copyable`. Whether a rule that keeps an `any_criterion` is copyable
/// comes down to whether it converts to one: that is, to this.
template <class C>
concept acts_as_criterion =
    stateful<C> && requires(C& c, const C& constant, double x, const report_visitor& visitor) {
      { c.observe(x) } -> std::same_as<verdict>;
      { constant.latest() } -> std::same_as<verdict>;
      { constant.reason() } -> std::convertible_to<std::string>;
      { constant.report(visitor) } -> std::same_as<void>;
      { c.reset() } -> std::same_as<void>;
    };

}  // namespace detail

/// Requires a stopping rule: a value that is shown one observation after the other.
///
/// - `observe(x)` takes an observation, finite or not, and returns the verdict on all of them so far;
/// - `latest()` returns that verdict again (for a new or a reset object: the verdict before any observation);
/// - `reason()` says the same in a sentence for people;
/// - `report(visitor)` shows the rule's own numbers as of that verdict: see `report_visitor`;
/// - `reset()` makes the object equal to a new one of the same configuration;
/// - `state` carries the exact state, so that a loaded object continues bit for bit: see `stateful`.
///
/// A criterion that counts steps rather than observations may also take `observe(x, step)`: see `observe_at`.
template <class C>
concept criterion = std::copyable<C> && detail::acts_as_criterion<C>;

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
