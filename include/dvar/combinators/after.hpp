#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/rule_spec.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Lets its member stop only after a number of observations, or of training steps where it is told them:
/// `after{500, variance_ratio{presets::v2}}`.
///
/// The member sees every observation from the first, so its history is whole; only its stops do not count
/// until then. Nothing is remembered of them: whether to stop is asked anew after the minimum, and a member
/// that would have stopped before it and no longer does goes on. Up to and with step `minimum`, the verdict
/// warms up and has the member's statistic; then it is the member's. The earliest stop is `minimum` + 1.
///
/// A `latched` member would remember a stop from before the minimum: write `latched{after{…}}` instead.
template <criterion Member>
class after {
 public:
  /// Throws `std::invalid_argument` when `minimum` is 0.
  after(std::size_t minimum, Member member) : member_(std::move(member)), minimum_(minimum) {
    if (minimum == 0) detail::fail<std::invalid_argument>("after: the minimum must be at least 1, not 0");
  }

  verdict observe(double value) {
    ++step_;
    return counted(member_.observe(value));
  }

  /// Passes `step`, counted from 1, on to the member if that counts steps.
  verdict observe(double value, std::size_t step) {
    step_ = step;
    return counted(observe_at(member_, value, step));
  }

  /// Passes on what `advance` tells.
  verdict advance(std::size_t step, const std::optional<double>& training_loss)
    requires detail::advances<Member>
  {
    step_ = step;
    return counted(dvar::advance(member_, step, training_loss));
  }

  [[nodiscard]] verdict latest() const { return counted(member_.latest()); }

  [[nodiscard]] std::string reason() const {
    const std::string inner = member_.reason();
    return step_ > minimum_ ? inner
                            : "step " + std::to_string(step_) + " of the first " + std::to_string(minimum_) +
                                  ", which do not stop: " + inner;
  }

  [[nodiscard]] std::size_t minimum() const noexcept { return minimum_; }

  /// Returns the member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  /// Says what the member is, and that it is in this.
  [[nodiscard]] rule_spec spec() const {
    return detail::combined(spec_of(member_), "after", std::to_string(minimum_));
  }

  void reset() {
    member_.reset();
    step_ = 0;
  }

  /// Reports what the member reports.
  void report(const report_visitor& visitor) const { member_.report(visitor); }

  /// Loading throws `state_error` when another minimum was saved, and what the member's state throws.
  static void state(auto& self, auto& archive) {
    archive.section("after", 1);
    archive.same(self.minimum_, "after's minimum");
    archive(self.step_, self.member_);
  }

 private:
  /// Returns what becomes of the member's verdict.
  [[nodiscard]] verdict counted(const verdict& inner) const {
    return step_ > minimum_ ? inner : verdict{.warming_up = true, .statistic = inner.statistic};
  }

  Member member_;
  std::size_t minimum_;
  std::size_t step_ = 0;
};

}  // namespace dvar::inline v0_2
