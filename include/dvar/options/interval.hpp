#pragma once

#include <cmath>
#include <limits>
#include <string>

#include <dvar/text/number.hpp>

namespace dvar {

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
    if (std::isnan(value) || (finite_ && std::isinf(value))) return false;
    return (least_included_ ? value >= least_ : value > least_) &&
           (most_included_ ? value <= most_ : value < most_);
  }

  /// Returns these numbers in words, to follow "must be": "above 0 and at most 1", "from 0 to below 1",
  /// "finite and at least 0"; empty for all numbers.
  [[nodiscard]] std::string text() const {
    const bool has_least = least_ > -infinity;
    const bool has_most = most_ < infinity;
    std::string words = finite_ && !(has_least && has_most) ? "finite" : "";
    const auto add = [&words](const char* joint, const std::string& more) {
      words += (words.empty() ? "" : joint) + more;
    };
    if (has_least && least_included_ && has_most) {
      add(" and ",
          "from " + shortest_text(least_) + (most_included_ ? " to " : " to below ") + shortest_text(most_));
      return words;
    }
    if (has_least) add(" and ", (least_included_ ? "at least " : "above ") + shortest_text(least_));
    if (has_most) add(" and ", (most_included_ ? "at most " : "below ") + shortest_text(most_));
    return words;
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  [[nodiscard]] constexpr interval with_least(double least, bool included) const {
    interval next = *this;
    next.least_ = least;
    next.least_included_ = included;
    next.bounded_ = true;
    return next;
  }

  [[nodiscard]] constexpr interval with_most(double most, bool included) const {
    interval next = *this;
    next.most_ = most;
    next.most_included_ = included;
    next.bounded_ = true;
    return next;
  }

  double least_ = -infinity;
  double most_ = infinity;
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

}  // namespace dvar
