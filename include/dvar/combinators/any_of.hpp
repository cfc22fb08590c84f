#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <dvar/combinators/group.hpp>
#include <dvar/criteria/criterion.hpp>

namespace dvar::inline v0_2 {

namespace detail {

class any_of_joint {
 public:
  static constexpr std::string_view name = "any_of";

  void join(const verdict& next) {
    if (joined_.stop) return;
    if (next.stop) {
      joined_ = next;
      return;
    }
    joined_.warming_up = joined_.warming_up || next.warming_up;
    joined_.statistic = joined_.statistic ? joined_.statistic : next.statistic;
  }

  [[nodiscard]] dvar::verdict verdict() const { return joined_; }

  template <class Members>
  static std::string reason(const Members& members) {
    std::optional<std::string> first;
    for_each_member(members, [&](const auto& member) {
      if (!first && member.latest().stop) first = member.reason();
    });
    return first ? *first : joined_reasons(members);
  }

 private:
  dvar::verdict joined_;
};

}  // namespace detail

/// Stops when one of its members does: `any_of{variance_ratio{presets::v2}, step_limit{6100}, non_finite{}}`, or
/// `any_of{rules}` for a `std::vector` of rules that are chosen while the program runs. Without a member it never stops.
///
/// Every member sees every observation, also after another has stopped, so each has its full history. The
/// verdict is that of the first member, in the order given, that stops; its `rule` names that member. While
/// none stops, the statistic is that of the first member that has one, and the composition warms up while any
/// member does.
///
/// `reason` is the sentence of that member; while none stops, those of all, joined by "; ". `report` reports what all
/// report. `members` gives the members, in the order given, as a `std::tuple` or as the vector.
template <class... Members>
  requires detail::group_members<Members...>
class any_of : public detail::group<detail::any_of_joint, detail::kept_members<Members...>> {
 public:
  /// Keeps the members by value.
  explicit any_of(Members... members)
      : any_of::group(detail::kept_members<Members...>(std::move(members)...)) {}
};

}  // namespace dvar::inline v0_2
