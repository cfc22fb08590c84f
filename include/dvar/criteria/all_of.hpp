#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Stops when all of its members do at the same observation: `all_of{variance_ratio{presets::v2},
/// patience{direction::minimize, {.patience = 50}}}`.
///
/// Every member sees every observation. The verdict is that of the latest observation alone: a member that
/// stopped once and no longer does holds the others up (put it into `latched` if it should not). While not all
/// stop, the composition warms up while any member does. The statistic is that of the first member, in the
/// order given, that has one.
template <criterion... Members>
  requires(sizeof...(Members) > 0)
class all_of {
 public:
  /// Keeps the members by value.
  explicit all_of(Members... members) : members_(std::move(members)...) {}

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
    verdict combined{.stop = true};
    const auto add = [&combined](const verdict& next) {
      combined.stop = combined.stop && next.stop;
      combined.warming_up = combined.warming_up || next.warming_up;
      combined.statistic = combined.statistic ? combined.statistic : next.statistic;
    };
    std::apply([&](const auto&... member) { (add(member.latest()), ...); }, members_);
    combined.reason = combined.stop ? "all_of" : "";
    return combined;
  }

  /// The sentences of all members, joined by "; ".
  [[nodiscard]] std::string reason() const {
    std::string all;
    const auto add = [&all](const auto& member) { all += (all.empty() ? "" : "; ") + member.reason(); };
    std::apply([&](const auto&... member) { (add(member), ...); }, members_);
    return all;
  }

  /// The members, in the order given, as a `std::tuple`.
  [[nodiscard]] const std::tuple<Members...>& members() const noexcept { return members_; }

  void reset() {
    std::apply([](auto&... member) { (member.reset(), ...); }, members_);
  }

  void save(state_writer& out) const {
    out.section("all_of", 1);
    out.write_count(sizeof...(Members));
    std::apply([&](const auto&... member) { (member.save(out), ...); }, members_);
  }

  void load(state_reader& in) {
    in.section("all_of", 1);
    in.expect_count(sizeof...(Members), "all_of's number of members");
    std::apply([&](auto&... member) { (member.load(in), ...); }, members_);
  }

 private:
  std::tuple<Members...> members_;
};

}  // namespace dvar
