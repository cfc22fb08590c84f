#pragma once

#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/group.hpp>

namespace dvar {

namespace detail {

struct any_of_members {
  static constexpr const char* name = "any_of";

  template <class Members>
  static verdict latest(const Members& members) {
    verdict combined;
    for_each_member(members, [&](const auto& member) {
      if (combined.stop) return;
      const verdict next = member.latest();
      if (next.stop) {
        combined = next;
        return;
      }
      combined.warming_up = combined.warming_up || next.warming_up;
      combined.statistic = combined.statistic ? combined.statistic : next.statistic;
    });
    return combined;
  }

  template <class Members>
  static std::string reason(const Members& members) {
    std::string first;
    bool stops = false;
    for_each_member(members, [&](const auto& member) {
      if (!stops && member.latest().stop) {
        stops = true;
        first = member.reason();
      }
    });
    return stops ? first : joined_reasons(members);
  }
};

}  // namespace detail

/// Stops when one of its members does: `any_of{variance_ratio{presets::v2}, step_limit{6100}, non_finite{}}`.
///
/// Every member sees every observation, also after another has stopped, so each has its full history. The
/// verdict is that of the first member, in the order given, that stops; its `reason` names that member. While
/// none stops, the statistic is that of the first member that has one, and the composition warms up while any
/// member does.
///
/// `reason` is the sentence of that member; while none stops, those of all, joined by "; ". `members` gives the
/// members, in the order given, as a `std::tuple`.
template <criterion... Members>
  requires(sizeof...(Members) > 0)
class any_of : public detail::group<detail::any_of_members, std::tuple<Members...>> {
 public:
  /// Keeps the members by value.
  explicit any_of(Members... members) : any_of::group(std::tuple<Members...>(std::move(members)...)) {}
};

}  // namespace dvar
