#pragma once

#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/group.hpp>

namespace dvar {

namespace detail {

struct all_of_members {
  static constexpr const char* name = "all_of";

  template <class Members>
  static verdict latest(const Members& members) {
    verdict combined{.stop = true};
    for_each_member(members, [&](const auto& member) {
      const verdict next = member.latest();
      combined.stop = combined.stop && next.stop;
      combined.warming_up = combined.warming_up || next.warming_up;
      combined.statistic = combined.statistic ? combined.statistic : next.statistic;
    });
    combined.reason = combined.stop ? name : "";
    return combined;
  }

  template <class Members>
  static std::string reason(const Members& members) {
    return joined_reasons(members);
  }
};

}  // namespace detail

/// Stops when all of its members do at the same observation: `all_of{variance_ratio{presets::v2},
/// patience{direction::minimize, {.patience = 50}}}`.
///
/// Every member sees every observation. The verdict is that of the latest observation alone: a member that
/// stopped once and no longer does holds the others up (put it into `latched` if it should not). While not all
/// stop, the composition warms up while any member does. The statistic is that of the first member, in the
/// order given, that has one.
///
/// `reason` has the sentences of all members, joined by "; ". `members` gives them, in the order given, as a
/// `std::tuple`.
template <criterion... Members>
  requires(sizeof...(Members) > 0)
class all_of : public detail::group<detail::all_of_members, std::tuple<Members...>> {
 public:
  /// Keeps the members by value.
  explicit all_of(Members... members) : all_of::group(std::tuple<Members...>(std::move(members)...)) {}
};

}  // namespace dvar
