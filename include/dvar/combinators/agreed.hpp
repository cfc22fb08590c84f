#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/reduction.hpp>
#include <dvar/detail/copyable_box.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Gives all ranks of a distributed run one verdict, whatever each of them observes:
/// `agreed{maximum_over_ranks, non_finite{}}` stops all where one of them would.
///
/// `reduce` is shown 1 by a rank whose member stops and 0 by the others; all stop where it returns at least 1/2. The
/// maximum is "any rank", the minimum "every rank", the mean "half of them". Where the member of this rank does not
/// stop and the others do, the rule is "agreed"; statistic and warming up are this rank's own.
///
/// `reduce` communicates: all ranks observe equally often, in the same order, or they wait for each other for
/// ever. The reduction is not part of the state, and is called O(1) times an observation.
template <reduction Reduce, criterion Member>
class agreed {
 public:
  /// Keeps the reduction and the member by value.
  agreed(Reduce reduce, Member member) : member_(std::move(member)), reduce_(std::move(reduce)) {}

  verdict observe(double value) { return agree(member_.observe(value)); }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) { return agree(observe_at(member_, value, step)); }

  /// Passes on what `advance` tells, and agrees on what comes of it.
  verdict advance(std::size_t step, const std::optional<double>& training_loss)
    requires detail::advances<Member>
  {
    return agree(dvar::advance(member_, step, training_loss));
  }

  [[nodiscard]] verdict latest() const { return common(member_.latest()); }

  [[nodiscard]] std::string reason() const {
    return std::string("the ranks ") + (stop_ ? "stop" : "go on") + "; this one: " + member_.reason();
  }

  /// Returns the member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  void reset() {
    member_.reset();
    stop_ = false;
  }

  /// Reports what the member reports.
  void report(const report_visitor& visitor) const { member_.report(visitor); }

  /// Loading throws what the member's state throws.
  static void state(auto& self, auto& archive) {
    archive.section("agreed", 1);
    archive(self.stop_, self.member_);
  }

 private:
  verdict agree(const verdict& mine) {
    stop_ = static_cast<double>((*reduce_)(mine.stop ? 1.0 : 0.0)) >= 0.5;
    return common(mine);
  }

  /// Returns what becomes of this rank's verdict.
  [[nodiscard]] verdict common(verdict mine) const {
    if (mine.stop != stop_) {
      mine.stop = stop_;
      mine.rule = stop_ ? "agreed" : "";
      mine.warming_up = mine.warming_up && !stop_;
    }
    return mine;
  }

  Member member_;
  detail::copyable_box<Reduce> reduce_;
  bool stop_ = false;
};

}  // namespace dvar::inline v0_2
