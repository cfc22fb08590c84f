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

/// Shows its member every k-th observation, the k-th first, and none of the others: `every{50, patience{…}}`.
///
/// Between, the member's latest verdict stands. So a rule that counts verdicts belongs inside, as in
/// `every{10, consecutive{3, rule}}`: outside it would count the same verdict ten times.
///
/// It counts observations also where it is told training steps, and passes on the step of the observation that
/// it shows. To measure less often in the first place, give the monitor a `cadence`.
template <criterion Member>
class every {
 public:
  /// Throws `std::invalid_argument` when `stride` is 0.
  every(std::size_t stride, Member member) : member_(std::move(member)), stride_(stride) {
    if (stride == 0) detail::fail<std::invalid_argument>("every: the stride must be at least 1, not 0");
  }

  verdict observe(double value) { return ++count_ % stride_ == 0 ? member_.observe(value) : latest(); }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) {
    return ++count_ % stride_ == 0 ? observe_at(member_, value, step) : latest();
  }

  /// Passes on what `advance` tells.
  verdict advance(std::size_t step, const std::optional<double>& training_loss)
    requires detail::advances<Member>
  {
    return dvar::advance(member_, step, training_loss);
  }

  [[nodiscard]] verdict latest() const { return member_.latest(); }

  /// Returns the member's sentence, which counts the observations that it was shown.
  [[nodiscard]] std::string reason() const {
    return "of every " + std::to_string(stride_) + " observations the last: " + member_.reason();
  }

  [[nodiscard]] std::size_t stride() const noexcept { return stride_; }

  /// Returns the member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  /// Says what the member is, and that it is in this.
  [[nodiscard]] rule_spec spec() const {
    return detail::combined(spec_of(member_), "every", std::to_string(stride_));
  }

  void reset() {
    member_.reset();
    count_ = 0;
  }

  /// Reports what the member reports.
  void report(const report_visitor& visitor) const { member_.report(visitor); }

  /// Loading throws `state_error` when another stride was saved, and what the member's state throws.
  static void state(auto& self, auto& archive) {
    archive.section("every", 1);
    archive.same(self.stride_, "every's stride");
    archive(self.count_, self.member_);
  }

 private:
  Member member_;
  std::size_t stride_;
  std::uint64_t count_ = 0;
};

}  // namespace dvar::inline v0_2
