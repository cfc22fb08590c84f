#pragma once

#include <concepts>
#include <cstddef>
#include <stdexcept>

#include <dvar/detail/fail.hpp>

namespace dvar::inline v0_2 {

/// Says at which training steps a probe runs: `due(step)` is asked once after each step that the loop tells,
/// ascending from 1. One that also has `evaluated()` is told when the evaluation at a step that was due is over; one
/// that is `stateful` is saved with its monitor.
template <class S>
concept probe_schedule = std::copyable<S> && requires(S& schedule, std::size_t step) {
  { schedule.due(step) } -> std::same_as<bool>;
};

/// Runs the probe at every `every`-th step; where the loop passes over that one, at the first step behind it.
class cadence {
 public:
  /// Runs the probe at every step.
  cadence() = default;

  /// Throws `std::invalid_argument` when `every` is 0.
  explicit cadence(std::size_t every) : every_(every) {
    if (every == 0)
      detail::fail<std::invalid_argument>("cadence: the probe must run every 1 or more steps, not every 0");
  }

  bool due(std::size_t step) noexcept {
    const bool next_turn = step / every_ > latest_ / every_;
    latest_ = step;
    return next_turn;
  }

  /// Returns the number of steps from one evaluation to the next.
  [[nodiscard]] std::size_t every() const noexcept { return every_; }

  void reset() noexcept { latest_ = 0; }

  /// The number of steps is not part of the state: a run may continue with another.
  static void state(auto& self, auto& archive) {
    archive.section("cadence", 1);
    archive(self.latest_);
  }

 private:
  std::size_t every_ = 1;
  std::size_t latest_ = 0;  // step
};

static_assert(probe_schedule<cadence>);

}  // namespace dvar::inline v0_2
