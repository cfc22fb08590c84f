#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include <dvar/criteria/direction.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// The best value so far, and at which observation it was.
///
/// Strictly that: no least improvement is asked for, so a gain too small for some rule's `min_delta` is still
/// the best here. Of equal values the earliest is kept, so +0 and -0 do not displace each other. A NaN counts
/// as an observation and never becomes the best. Infinities are compared like other values: the worse one is
/// the best only until something else comes, the better one is the best from then on.
///
/// Constant time and memory; nothing allocates.
class best_value {
 public:
  /// Nothing observed yet.
  explicit best_value(direction better) noexcept : better_(better) {}

  /// Returns whether `value` is the new best.
  bool observe(double value) noexcept {
    ++count_;
    const bool best = at_ == 0 ? !std::isnan(value) : is_better(better_, value, value_);
    if (best) {
      value_ = value;
      at_ = count_;
    }
    return best;
  }

  /// No value before the first observation that is a number.
  [[nodiscard]] std::optional<double> value() const noexcept {
    return at_ > 0 ? std::optional(value_) : std::nullopt;
  }

  /// The observation, counted from 1, that was the best; no value where `value()` has none.
  [[nodiscard]] std::optional<std::uint64_t> observation() const noexcept {
    return at_ > 0 ? std::optional(at_) : std::nullopt;
  }

  /// How many observations were made, NaN among them.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  [[nodiscard]] direction better() const noexcept { return better_; }

  /// Forgets everything: equal to a new object of the same direction.
  void reset() noexcept { *this = best_value{better_}; }

  void save(state_writer& out) const {
    out.section("best_value", 1);
    out.write_count(static_cast<std::uint64_t>(better_));
    out.write_real(value_);
    out.write_count(at_);
    out.write_count(count_);
  }

  /// Throws `state_error` when the other direction was saved.
  void load(state_reader& in) {
    in.section("best_value", 1);
    in.expect_count(static_cast<std::uint64_t>(better_), "best_value's direction");
    value_ = in.read_real();
    at_ = in.read_count();
    count_ = in.read_count();
  }

 private:
  direction better_;
  double value_ = 0.0;
  std::uint64_t at_ = 0;  // 0 while there is no best
  std::uint64_t count_ = 0;
};

}  // namespace dvar
