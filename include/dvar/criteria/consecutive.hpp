#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Stops when its member has said stop at a number of observations in a row: `consecutive{5,
/// variance_ratio{presets::v2}}`, against a rule that chance makes stop now and then.
///
/// An observation at which the member does not stop, or warms up, begins the count anew. Reason and statistic
/// are the member's. With 1 it is the member itself.
template <criterion Member>
class consecutive {
 public:
  /// Throws `std::invalid_argument` when `times` is 0.
  consecutive(std::size_t times, Member member) : member_(std::move(member)), times_(times) {
    if (times == 0)
      detail::fail<std::invalid_argument>("consecutive: the number of times must be at least 1, not 0");
  }

  verdict observe(double value) { return count(member_.observe(value)); }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) { return count(observe_at(member_, value, step)); }

  [[nodiscard]] verdict latest() const {
    verdict latest = member_.latest();
    if (in_a_row_ < times_) {
      latest.stop = false;
      latest.reason = {};
    }
    return latest;
  }

  [[nodiscard]] std::string reason() const {
    return "stop " + std::to_string(in_a_row_) + " of " + std::to_string(times_) +
           " in a row: " + member_.reason();
  }

  /// How many observations in a row, the latest among them, the member has said stop at.
  [[nodiscard]] std::uint64_t in_a_row() const noexcept { return in_a_row_; }
  [[nodiscard]] std::size_t times() const noexcept { return times_; }

  /// The member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  void reset() {
    member_.reset();
    in_a_row_ = 0;
  }

  void save(state_writer& out) const {
    out.section("consecutive", 1);
    out.write_count(times_);
    out.write_count(in_a_row_);
    member_.save(out);
  }

  /// Throws `state_error` when another number of times was saved, and what the member's `load` throws.
  void load(state_reader& in) {
    in.section("consecutive", 1);
    in.expect_count(times_, "consecutive's number of times");
    in_a_row_ = in.read_count();
    member_.load(in);
  }

 private:
  verdict count(const verdict& inner) {
    in_a_row_ = inner.stop ? in_a_row_ + 1 : 0;
    return latest();
  }

  Member member_;
  std::size_t times_;
  std::uint64_t in_a_row_ = 0;
};

}  // namespace dvar
