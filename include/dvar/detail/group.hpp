#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/state.hpp>

namespace dvar::detail {

/// Shows `use` each member of a tuple, or of a container, in order.
template <class Members, class Use>
void for_each_member(Members&& members, Use use) {
  if constexpr (requires { members.begin(); })
    for (auto& member : members)
      use(member);
  else
    std::apply([&](auto&... member) { (use(member), ...); }, members);
}

/// The sentences of all members, joined by "; ".
template <class Members>
std::string joined_reasons(const Members& members) {
  std::string all;
  for_each_member(members, [&](const auto& member) { all += (all.empty() ? "" : "; ") + member.reason(); });
  return all;
}

/// Criteria that see every observation, as one criterion: `any_of` and `all_of`, over a `std::tuple` of members or a
/// `std::vector` of members of one kind. `Joint` has a `name`, and says what the members' verdicts are together
/// (`latest`), and their sentences (`reason`).
template <class Joint, class Members>
class group {
 public:
  explicit group(Members members) : members_(std::move(members)) {}

  verdict observe(double value) {
    for_each_member(members_, [&](auto& member) { member.observe(value); });
    return latest();
  }

  /// Passes the step on to the members that count steps.
  verdict observe(double value, std::size_t step) {
    for_each_member(members_, [&](auto& member) { observe_at(member, value, step); });
    return latest();
  }

  [[nodiscard]] verdict latest() const { return Joint::latest(members_); }

  [[nodiscard]] std::string reason() const { return Joint::reason(members_); }

  /// The members, in the order given.
  [[nodiscard]] const Members& members() const noexcept { return members_; }

  void reset() {
    for_each_member(members_, [](auto& member) { member.reset(); });
  }

  void save(state_writer& out) const {
    out.section(Joint::name, 1);
    out.write_count(size());
    for_each_member(members_, [&](const auto& member) { member.save(out); });
  }

  void load(state_reader& in) {
    in.section(Joint::name, 1);
    in.expect_count(size(), std::string(Joint::name) + "'s number of members");
    for_each_member(members_, [&](auto& member) { member.load(in); });
  }

 private:
  [[nodiscard]] std::size_t size() const noexcept {
    if constexpr (requires { members_.size(); })
      return members_.size();
    else
      return std::tuple_size_v<Members>;
  }

  Members members_;
};

}  // namespace dvar::detail
