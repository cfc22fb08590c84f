#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Stops when one of its members does: `any_of{variance_ratio{presets::v2}, step_limit{6100}, non_finite{}}`.
///
/// Every member sees every observation, also after another has stopped, so each has its full history. The
/// verdict is that of the first member, in the order given, that stops; its `reason` names that member. While
/// none stops, the statistic is that of the first member that has one, and the composition warms up while any
/// member does.
template <criterion... Members>
  requires(sizeof...(Members) > 0)
class any_of {
 public:
  /// Keeps the members by value.
  explicit any_of(Members... members) : members_(std::move(members)...) {}

  verdict observe(double value) {
    std::apply([&](auto&... member) { (member.observe(value), ...); }, members_);
    return latest();
  }

  /// Passes the step on to the members that count steps.
  verdict observe(double value, std::size_t step) {
    std::apply([&](auto&... member) { (observe_at(member, value, step), ...); }, members_);
    return latest();
  }

  [[nodiscard]] verdict latest() const {
    verdict combined;
    const auto add = [&combined](const verdict& next) {
      if (next.stop) {
        combined = next;
        return true;
      }
      combined.warming_up = combined.warming_up || next.warming_up;
      combined.statistic = combined.statistic ? combined.statistic : next.statistic;
      return false;
    };
    std::apply([&](const auto&... member) { (add(member.latest()) || ...); }, members_);
    return combined;
  }

  /// The sentence of the member that stops; while none does, those of all members, joined by "; ".
  [[nodiscard]] std::string reason() const {
    std::string all;
    const auto add = [&all](const auto& member) {
      if (member.latest().stop) {
        all = member.reason();
        return true;
      }
      all += (all.empty() ? "" : "; ") + member.reason();
      return false;
    };
    std::apply([&](const auto&... member) { (add(member) || ...); }, members_);
    return all;
  }

  /// The members, in the order given, as a `std::tuple`.
  [[nodiscard]] const std::tuple<Members...>& members() const noexcept { return members_; }

  void reset() {
    std::apply([](auto&... member) { (member.reset(), ...); }, members_);
  }

  void save(state_writer& out) const {
    out.section("any_of", 1);
    out.write_count(sizeof...(Members));
    std::apply([&](const auto&... member) { (member.save(out), ...); }, members_);
  }

  void load(state_reader& in) {
    in.section("any_of", 1);
    in.expect_count(sizeof...(Members), "any_of's number of members");
    std::apply([&](auto&... member) { (member.load(in), ...); }, members_);
  }

 private:
  std::tuple<Members...> members_;
};

}  // namespace dvar
