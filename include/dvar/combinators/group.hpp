#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/rule_spec.hpp>
#include <dvar/detail/text_parts.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2::detail {

/// Shows `use` each member of a tuple, or of a vector, in order.
template <class Members, class Use>
void for_each_member(Members&& members, Use use) {
  if constexpr (requires { members.begin(); })
    for (auto& member : members)
      use(member);
  else
    std::apply([&](auto&... member) { (use(member), ...); }, members);
}

/// Returns the sentences of all members, joined by "; ".
template <class Members>
std::string joined_reasons(const Members& members) {
  std::vector<std::string> reasons;
  for_each_member(members, [&](const auto& member) { reasons.push_back(member.reason()); });
  return joined(reasons, "; ");
}

/// Says what a group keeps its members in: a tuple, or where the only one is a vector of rules that vector.
template <class... Members>
struct members_of {
  using type = std::tuple<Members...>;
};
template <class Rule>
struct members_of<std::vector<Rule>> {
  using type = std::vector<Rule>;
};
template <class... Members>
using kept_members = typename members_of<Members...>::type;

/// Names the rule that one of `count` members is, or that the elements are of a vector that is the only one.
template <class Member, std::size_t count>
struct rule_of {
  using type = Member;
};
template <class Rule>
struct rule_of<std::vector<Rule>, 1> {
  using type = Rule;
};

/// Requires members that `any_of` and `all_of` take: some criteria, or one vector of criteria.
template <class... Members>
concept group_members = sizeof...(Members) > 0 &&
                        (criterion<typename rule_of<Members, sizeof...(Members)>::type> && ...);

/// Whether one of the members of a tuple, or the elements of a vector, have a say between observations.
template <class Members>
inline constexpr bool some_advance = false;
template <class... Members>
inline constexpr bool some_advance<std::tuple<Members...>> = (advances<Members> || ...);
template <class Rule>
inline constexpr bool some_advance<std::vector<Rule>> = advances<Rule>;

/// Makes one criterion of criteria that see every observation. `Joint` has a `name`, joins the members'
/// verdicts one after the other (`join`), and their sentences (`reason`).
template <class Joint, class Members>
class group {
 public:
  explicit group(Members members) : members_(std::move(members)) {}

  verdict observe(double value) {
    return joined([&](auto& member) { return member.observe(value); });
  }

  /// Passes the step on to the members that count steps.
  verdict observe(double value, std::size_t step) {
    return joined([&](auto& member) { return observe_at(member, value, step); });
  }

  /// Passes on what `advance` tells.
  verdict advance(std::size_t step, const std::optional<double>& training_loss)
    requires some_advance<Members>
  {
    return joined([&](auto& member) { return dvar::advance(member, step, training_loss); });
  }

  [[nodiscard]] verdict latest() const {
    Joint joint;
    for_each_member(members_, [&](const auto& member) { joint.join(member.latest()); });
    return joint.verdict();
  }

  [[nodiscard]] std::string reason() const { return Joint::reason(members_); }

  /// Reports the members' numbers, in the order of the members.
  void report(const report_visitor& visitor) const {
    for_each_member(members_, [&](const auto& member) { member.report(visitor); });
  }

  /// Says what the members are.
  [[nodiscard]] rule_spec spec() const {
    rule_spec joint{.name = std::string(Joint::name)};
    for_each_member(members_, [&](const auto& member) { joint.members.push_back(spec_of(member)); });
    return joint;
  }

  /// Returns the members, in the order given.
  [[nodiscard]] const Members& members() const noexcept { return members_; }

  void reset() {
    for_each_member(members_, [](auto& member) { member.reset(); });
  }

  /// Loading throws `state_error` when another number of members was saved, and what the members' states throw.
  static void state(auto& self, auto& archive) {
    archive.section(Joint::name, 1);
    archive.same(self.size(), Joint::name, "number of members");
    for_each_member(self.members_, [&](auto& member) { archive(member); });
  }

 private:
  /// Has every member observe, and joins their verdicts as they come.
  template <class Observe>
  verdict joined(Observe observe) {
    Joint joint;
    for_each_member(members_, [&](auto& member) { joint.join(observe(member)); });
    return joint.verdict();
  }

  [[nodiscard]] std::size_t size() const noexcept {
    if constexpr (requires { members_.size(); })
      return members_.size();
    else
      return std::tuple_size_v<Members>;
  }

  Members members_;
};

}  // namespace dvar::inline v0_2::detail
