#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <dvar/combinators/group.hpp>
#include <dvar/criteria/criterion.hpp>

namespace dvar::inline v0_2 {

namespace detail {

class all_of_joint {
 public:
  static constexpr std::string_view name = "all_of";

  void join(const verdict& next) {
    joined_.stop = (joined_.stop || first_) && next.stop;
    joined_.warming_up = joined_.warming_up || next.warming_up;
    joined_.statistic = joined_.statistic ? joined_.statistic : next.statistic;
    first_ = false;
  }

  [[nodiscard]] dvar::verdict verdict() const {
    dvar::verdict all = joined_;
    all.rule = all.stop ? name : std::string_view{};
    return all;
  }

  template <class Members>
  static std::string reason(const Members& members) {
    return joined_reasons(members);
  }

 private:
  dvar::verdict joined_;
  bool first_ = true;
};

}  // namespace detail

/// Stops when all of its members do at the same observation: `all_of{variance_ratio{presets::v2},
/// patience{direction::minimize, {.patience = 50}}}`, or `all_of{rules}` for a `std::vector` of rules that are chosen while
/// the program runs. Without a member it never stops.
///
/// Every member sees every observation. The verdict is that of the latest observation alone: a member that
/// stopped once and no longer does holds the others up (put it into `latched` if it should not). While not all
/// stop, the composition warms up while any member does. The statistic is that of the first member, in the
/// order given, that has one.
///
/// `reason` has the sentences of all members, joined by "; ". `report` reports what all report. `members` gives them, in
/// the order given, as a `std::tuple` or as the vector.
template <class... Members>
  requires detail::group_members<Members...>
class all_of : public detail::group<detail::all_of_joint, detail::kept_members<Members...>> {
 public:
  /// Keeps the members by value.
  explicit all_of(Members... members)
      : all_of::group(detail::kept_members<Members...>(std::move(members)...)) {}
};

}  // namespace dvar::inline v0_2
