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

/// Shows its member one observation for all ranks of a distributed run: `reduced{mean_over_ranks,
/// variance_ratio{presets::v2}}`.
///
/// Its member sees `reduce(value)`, the same number on every rank, and so says the same on every rank. This holds for
/// every rule whose verdict follows from its observations; for `wall_clock_limit`, or a rule on a rank's own vectors,
/// see `agreed`.
///
/// `reduce` communicates: all ranks observe equally often, in the same order, or they wait for each other for
/// ever. Give them the same cadence, by steps. The reduction is not part of the state, and is called O(1)
/// times an observation.
template <reduction Reduce, criterion Member>
class reduced {
 public:
  /// Keeps the reduction and the member by value.
  reduced(Reduce reduce, Member member) : member_(std::move(member)), reduce_(std::move(reduce)) {}

  verdict observe(double value) { return member_.observe((*reduce_)(value)); }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) { return observe_at(member_, (*reduce_)(value), step); }

  /// Passes on what `advance` tells, with one training loss for all ranks.
  verdict advance(std::size_t step, const std::optional<double>& training_loss)
    requires detail::advances<Member>
  {
    return dvar::advance(member_, step,
                         training_loss ? std::optional<double>((*reduce_)(*training_loss)) : std::nullopt);
  }

  [[nodiscard]] verdict latest() const { return member_.latest(); }

  [[nodiscard]] std::string reason() const { return member_.reason(); }

  /// Returns the member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  void reset() { member_.reset(); }

  /// Reports what the member reports.
  void report(const report_visitor& visitor) const { member_.report(visitor); }

  /// Loading throws what the member's state throws.
  static void state(auto& self, auto& archive) {
    archive.section("reduced", 1);
    archive(self.member_);
  }

 private:
  Member member_;
  detail::copyable_box<Reduce> reduce_;
};

}  // namespace dvar::inline v0_2
