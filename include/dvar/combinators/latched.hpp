#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/rule_spec.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Stays stopped until `reset` once its member has stopped: `all_of{latched{threshold{…}}, patience{…}}`.
///
/// The member is shown nothing after its stop, so verdict, sentence and state remain those of the observation
/// that stopped it. A loaded state that has stopped stays stopped too, unless the member is one that may be
/// loaded with a longer limit and is no longer at it.
template <criterion Member>
class latched {
 public:
  /// Keeps the member by value.
  explicit latched(Member member) : member_(std::move(member)), latest_(member_.latest()) {}

  verdict observe(double value) {
    if (!latest_.stop) latest_ = member_.observe(value);
    return latest_;
  }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) {
    if (!latest_.stop) latest_ = observe_at(member_, value, step);
    return latest_;
  }

  /// Passes on what `advance` tells.
  verdict advance(std::size_t step, const std::optional<double>& training_loss)
    requires detail::advances<Member>
  {
    if (!latest_.stop) latest_ = dvar::advance(member_, step, training_loss);
    return latest_;
  }

  [[nodiscard]] verdict latest() const { return latest_; }

  [[nodiscard]] std::string reason() const { return member_.reason(); }

  /// Returns the member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  /// Says what the member is, and that it is in this.
  [[nodiscard]] rule_spec spec() const { return detail::combined(spec_of(member_), "latched", std::nullopt); }

  void reset() {
    member_.reset();
    latest_ = member_.latest();
  }

  /// Reports what the member reports.
  void report(const report_visitor& visitor) const { member_.report(visitor); }

  /// Loading throws what the member's state throws.
  static void state(auto& self, auto& archive) {
    archive.section("latched", 1);
    archive(self.member_);
    if constexpr (is_loading<decltype(archive)>) self.latest_ = self.member_.latest();
  }

 private:
  Member member_;
  verdict latest_;
};

}  // namespace dvar::inline v0_2
