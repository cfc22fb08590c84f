#pragma once

#include <cstdint>
#include <optional>

#include <dvar/detail/finite.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/direction.hpp>

namespace dvar::inline v0_2 {

/// Remembers the best value so far, and at which observation it was.
///
/// The comparison is strict and asks for no least improvement, so a gain too small for some rule's `min_delta`
/// is still the best here. Of equal values the earliest is kept, so +0 and -0 do not displace each other. A
/// NaN counts as an observation and never becomes the best. Infinities are compared like other values: the
/// worse one is the best only until something else comes, the better one is the best from then on.
///
/// Every call takes constant time; nothing is allocated.
class best_value {
 public:
  /// Starts without an observation; `better` says which of two values is the better one.
  explicit best_value(direction better) noexcept : better_(better) {}

  /// Takes an observation, and returns whether it is the new best.
  bool observe(double value) noexcept {
    ++count_;
    const bool best = at_ == 0 ? !detail::is_nan(value) : is_better(better_, value, value_);
    if (best) {
      value_ = value;
      at_ = count_;
    }
    return best;
  }

  /// Returns the best value, or no value before the first observation that is a number.
  [[nodiscard]] std::optional<double> value() const noexcept {
    return at_ > 0 ? std::optional(value_) : std::nullopt;
  }

  /// Returns the number, from 1, of the observation that was the best, or no value where `value()` has none.
  [[nodiscard]] std::optional<std::uint64_t> observation() const noexcept {
    return at_ > 0 ? std::optional(at_) : std::nullopt;
  }

  /// Returns the number of observations, NaN among them.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  [[nodiscard]] direction better() const noexcept { return better_; }

  /// Forgets everything: the object equals a new one of the same direction.
  void reset() noexcept { *this = best_value{better_}; }

  /// Loading throws `state_error` when the other direction was saved.
  static void state(auto& self, auto& archive) {
    archive.section("best_value", 1);
    archive.same(self.better_, "best_value's direction");
    archive(self.value_, self.at_, self.count_);
  }

 private:
  direction better_;
  double value_ = 0.0;
  std::uint64_t at_ = 0;  // 0 while there is no best
  std::uint64_t count_ = 0;
};

}  // namespace dvar::inline v0_2
