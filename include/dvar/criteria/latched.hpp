#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Once its member has stopped, stays stopped until `reset`: `all_of{latched{threshold{…}}, patience{…}}`.
///
/// The member is shown nothing after its stop, so verdict, sentence and state remain those of the observation
/// that stopped it. A loaded state that has stopped stays stopped too, unless the member is one that may be
/// loaded with a longer limit and is no longer at it.
template <criterion Member>
class latched {
 public:
  /// Keeps the member by value.
  explicit latched(Member member) : member_(std::move(member)) {}

  verdict observe(double value) {
    const verdict before = member_.latest();
    return before.stop ? before : member_.observe(value);
  }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) {
    const verdict before = member_.latest();
    return before.stop ? before : observe_at(member_, value, step);
  }

  [[nodiscard]] verdict latest() const { return member_.latest(); }

  [[nodiscard]] std::string reason() const { return member_.reason(); }

  /// The member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  void reset() { member_.reset(); }

  void save(state_writer& out) const {
    out.section("latched", 1);
    member_.save(out);
  }

  void load(state_reader& in) {
    in.section("latched", 1);
    member_.load(in);
  }

 private:
  Member member_;
};

}  // namespace dvar
