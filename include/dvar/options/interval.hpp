#pragma once

#include <string>

#include <dvar/detail/finite.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Says which numbers an option may be: `above(0.0).at_most(1.0)`, `at_least(2)`, `finite()`. A NaN is in
/// none of them but `any_number()`.
class interval {
 public:
  /// Contains all numbers, NaN among them.
  constexpr interval() = default;

  /// Returns these numbers from `least` on.
  [[nodiscard]] constexpr interval at_least(double least) const { return with_least(least, true); }
  /// Returns these numbers above `least`.
  [[nodiscard]] constexpr interval above(double least) const { return with_least(least, false); }
  /// Returns these numbers up to and with `most`.
  [[nodiscard]] constexpr interval at_most(double most) const { return with_most(most, true); }
  /// Returns these numbers below `most`.
  [[nodiscard]] constexpr interval below(double most) const { return with_most(most, false); }
  /// Returns the finite ones of these numbers.
  [[nodiscard]] constexpr interval finite() const {
    interval next = *this;
    next.finite_ = next.bounded_ = true;
    return next;
  }

  /// Returns whether `value` is one of these numbers.
  [[nodiscard]] bool contains(double value) const {
    if (!bounded_) return true;
    if (detail::is_nan(value) || (finite_ && detail::is_infinite(value))) return false;
    const bool low_enough = !has_most_ || (most_included_ ? value <= most_ : value < most_);
    const bool high_enough = !has_least_ || (least_included_ ? value >= least_ : value > least_);
    return low_enough && high_enough;
  }

  /// Returns these numbers in words, to follow "must be": "above 0 and at most 1", "from 0 to below 1",
  /// "finite and at least 0"; empty for all numbers.
  [[nodiscard]] std::string text() const {
    std::string words = finite_ && !(has_least_ && has_most_) ? "finite" : "";
    const auto add = [&words](const char* joint, const std::string& more) {
      words += (words.empty() ? "" : joint) + more;
    };
    if (has_least_ && least_included_ && has_most_) {
      add(" and ",
          "from " + shortest_text(least_) + (most_included_ ? " to " : " to below ") + shortest_text(most_));
      return words;
    }
    if (has_least_) add(" and ", (least_included_ ? "at least " : "above ") + shortest_text(least_));
    if (has_most_) add(" and ", (most_included_ ? "at most " : "below ") + shortest_text(most_));
    return words;
  }

 private:
  [[nodiscard]] constexpr interval with_least(double least, bool included) const {
    interval next = *this;
    next.least_ = least;
    next.least_included_ = included;
    next.bounded_ = next.has_least_ = true;
    return next;
  }

  [[nodiscard]] constexpr interval with_most(double most, bool included) const {
    interval next = *this;
    next.most_ = most;
    next.most_included_ = included;
    next.bounded_ = next.has_most_ = true;
    return next;
  }

  double least_ = 0.0;
  double most_ = 0.0;
  bool has_least_ = false;
  bool has_most_ = false;
  bool least_included_ = true;
  bool most_included_ = true;
  bool finite_ = false;
  bool bounded_ = false;
};

/// Returns all numbers, with infinities and NaN.
constexpr interval any_number() {
  return {};
}
/// Returns the numbers from `least` on.
constexpr interval at_least(double least) {
  return interval{}.at_least(least);
}
/// Returns the numbers above `least`.
constexpr interval above(double least) {
  return interval{}.above(least);
}
/// Returns the finite numbers.
constexpr interval finite() {
  return interval{}.finite();
}

}  // namespace dvar::inline v0_2
