#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>

#include <dvar/criteria/report.hpp>
#include <dvar/criteria/verdict.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

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
/// A criterion that counts steps rather than observations may also take `observe(x, step)`: see `observe_at`. One
/// that judges by the step, by time or by the training loss may take `advance(step, training_loss)`: see `advance`.
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

namespace detail {

/// Requires a criterion that has a say between observations, too.
template <class C>
concept advances = requires(C& c, std::size_t step, const std::optional<double>& training_loss) {
  { c.advance(step, training_loss) } -> std::same_as<verdict>;
};

}  // namespace detail

/// Tells a criterion that training step `step` (from 1) is over, whether or not there is something to observe: limits
/// on steps and time hold at every step. `training_loss` is the step's own loss, where it is known, finite or not.
/// Returns the verdict on all that was seen so far; a criterion that only judges observations is left as it is.
template <criterion C>
verdict advance(C& c, std::size_t step, const std::optional<double>& training_loss = std::nullopt) {
  if constexpr (detail::advances<C>)
    return c.advance(step, training_loss);
  else
    return c.latest();
}

}  // namespace dvar::inline v0_2
