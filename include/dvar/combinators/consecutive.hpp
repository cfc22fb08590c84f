#pragma once

#include <cstddef>
#include <cstdint>
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

/// Stops when its member has said stop at a number of observations in a row: `consecutive{5,
/// variance_ratio{presets::v2}}`, against a rule that chance makes stop now and then.
///
/// An observation at which the member does not stop, or warms up, begins the count anew. Rule and statistic
/// are the member's. With 1 it is the member itself.
template <criterion Member>
class consecutive {
 public:
  /// Throws `std::invalid_argument` when `times` is 0.
  consecutive(std::size_t times, Member member) : member_(std::move(member)), times_(times) {
    if (times == 0)
      detail::fail<std::invalid_argument>("consecutive: the number of times must be at least 1, not 0");
  }

  verdict observe(double value) { return count(member_.observe(value)); }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) { return count(observe_at(member_, value, step)); }

  /// Passes on what `advance` tells; only an observation counts.
  verdict advance(std::size_t step, const std::optional<double>& training_loss)
    requires detail::advances<Member>
  {
    dvar::advance(member_, step, training_loss);
    return latest();
  }

  [[nodiscard]] verdict latest() const { return counted(member_.latest()); }

  [[nodiscard]] std::string reason() const {
    return "stop " + std::to_string(in_a_row_) + " of " + std::to_string(times_) +
           " in a row: " + member_.reason();
  }

  /// Returns at how many observations in a row, the latest among them, the member has said stop.
  [[nodiscard]] std::uint64_t in_a_row() const noexcept { return in_a_row_; }
  [[nodiscard]] std::size_t times() const noexcept { return times_; }

  /// Returns the member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  /// Says what the member is, and that it is in this.
  [[nodiscard]] rule_spec spec() const {
    return detail::combined(spec_of(member_), "consecutive", std::to_string(times_));
  }

  void reset() {
    member_.reset();
    in_a_row_ = 0;
  }

  /// Reports what the member reports.
  void report(const report_visitor& visitor) const { member_.report(visitor); }

  /// Loading throws `state_error` when another number of times was saved, and what the member's state throws.
  static void state(auto& self, auto& archive) {
    archive.section("consecutive", 1);
    archive.same(self.times_, "consecutive's number of times");
    archive(self.in_a_row_, self.member_);
  }

 private:
  verdict count(const verdict& inner) {
    in_a_row_ = inner.stop ? in_a_row_ + 1 : 0;
    return counted(inner);
  }

  /// Returns what becomes of the member's verdict.
  [[nodiscard]] verdict counted(verdict inner) const {
    if (in_a_row_ < times_) {
      inner.stop = false;
      inner.rule = {};
    }
    return inner;
  }

  Member member_;
  std::size_t times_;
  std::uint64_t in_a_row_ = 0;
};

}  // namespace dvar::inline v0_2
