#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/line_sums.hpp>
#include <dvar/detail/multiply_add.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2::detail {

/// Keeps the mean, the sum of squares and the sum of products with the index of the last N observations, in
/// constant time on average.
///
/// Observations come in blocks of N. The window is the end of one block and the beginning of the next:
/// - the new block: running sums about its first value, indices 0, 1, …;
/// - what is left of the old block: suffix sums about its last value, indices -1, -2, … backwards, taken for
///   all lengths at once when the block was full.
///
/// Nothing is subtracted to take a value out, so no error outlives the value that caused it. Both pivots are
/// values in the window, so neither lies further from the mean than the values do.
class rolling_line {
 public:
  /// Begins without an observation. Precondition: `window >= 1`.
  explicit rolling_line(std::size_t window) : ring_(window), rests_(window) {}

  void observe(double value) noexcept {
    if (position_ == 0) pivot_ = value;
    ring_[position_] = value;
    fresh_.add(unknown(value) - pivot_, static_cast<double>(position_));
    if (++position_ == ring_.size()) close_block();
  }

  [[nodiscard]] std::size_t window() const noexcept { return ring_.size(); }

  /// Returns whether N observations have been made.
  [[nodiscard]] bool full() const noexcept { return full_; }

  /// Returns how many observations are in the window.
  [[nodiscard]] std::size_t count() const noexcept { return full_ ? ring_.size() : position_; }

  /// Describes the window. The mean is `pivot + offset`: where the pivot is large, the sum of the two has
  /// fewer digits.
  struct summary {
    double pivot;
    double offset;
    double sum_of_squares;   // about the mean
    double sum_of_products;  // with the index, both about their means
  };

  /// Describes the window; not finite while a NaN or an infinity is in it. Precondition: `count() > 0`.
  [[nodiscard]] summary summarize() const noexcept {
    const double fresh = static_cast<double>(position_);
    const double old = static_cast<double>(count() - position_);
    double pivot = pivot_;
    line_sums all = fresh_;
    if (old > 0.0) {
      pivot = position_ > 0 ? pivot_ : old_pivot_;
      all = all + rests_[position_].shifted(old, -0.5 * old * (old + 1.0), old_pivot_ - pivot);
    }
    const double n = fresh + old;
    const double offset = all.sum / n;
    const double squares = all.sum_of_squares - all.sum * offset;
    return {.pivot = pivot,
            .offset = offset,
            .sum_of_squares = not_below_zero(squares),
            .sum_of_products = all.sum_of_products - 0.5 * (fresh - 1.0 - old) * all.sum};
  }

  /// Calls `visit(value)` for the values in the window, the latest first.
  template <class Visit>
  void for_each_backwards(Visit visit) const {
    for (std::size_t i = 0; i < count(); ++i)
      visit(ring_[(position_ + ring_.size() - 1 - i) % ring_.size()]);
  }

  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), 0.0);
    std::fill(rests_.begin(), rests_.end(), line_sums{});
    position_ = 0;
    full_ = false;
    pivot_ = old_pivot_ = 0.0;
    fresh_ = {};
  }

  static void state(auto& self, auto& archive) {
    archive.section("rolling_line", 1);
    archive(self.ring_, self.rests_, self.position_, self.full_, self.pivot_, self.old_pivot_, self.fresh_);
    if constexpr (is_loading<decltype(archive)>)
      if (self.position_ >= self.ring_.size())
        fail<state_error>("saved state: a position is outside its window");
  }

 private:
  void close_block() noexcept {
    old_pivot_ = ring_.back();
    line_sums rest;
    for (std::size_t i = ring_.size(); i-- > 0;) {
      rest.add(unknown(ring_[i]) - old_pivot_, static_cast<double>(i) - static_cast<double>(ring_.size()));
      rests_[i] = rest;
    }
    position_ = 0;
    full_ = true;
    pivot_ = 0.0;
    fresh_ = {};
  }

  std::vector<double> ring_;
  std::vector<line_sums> rests_;  // of the old block, from each position to its end
  std::size_t position_ = 0;      // where the next value goes; how many the new block has
  bool full_ = false;
  double pivot_ = 0.0;
  double old_pivot_ = 0.0;
  line_sums fresh_;
};

}  // namespace dvar::inline v0_2::detail
