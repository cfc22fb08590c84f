#pragma once

#include <algorithm>

#include <dvar/state.hpp>

namespace dvar::detail {

/// Sums of deviations from some pivot and of their squares, of some number of values.
///
/// Aligned as the pair that compilers load and store at once: a pair that straddles two cache lines cannot be
/// read back before it is written out, which would cost more than the arithmetic.
struct alignas(2 * sizeof(double)) moments {
  double sum = 0.0;
  double sum_of_squares = 0.0;

  void add(double deviation) noexcept {
    sum += deviation;
    sum_of_squares += deviation * deviation;
  }

  /// The same about another pivot, which lies `shift` below, for `count` values.
  [[nodiscard]] moments shifted(double count, double shift) const noexcept {
    return {sum + count * shift, sum_of_squares + shift * (2.0 * sum + count * shift)};
  }

  /// The sum of squared deviations from the mean of the values; `scale` is 1 over their number.
  [[nodiscard]] double squared_deviations(double scale) const noexcept {
    // Rounding may go below 0. A NaN stays one: max() returns its first argument unless that is the lesser.
    return std::max(sum_of_squares - sum * sum * scale, 0.0);
  }

  void save(state_writer& out) const {
    out.write_real(sum);
    out.write_real(sum_of_squares);
  }

  void load(state_reader& in) {
    sum = in.read_real();
    sum_of_squares = in.read_real();
  }

  friend moments operator+(const moments& a, const moments& b) noexcept {
    return {a.sum + b.sum, a.sum_of_squares + b.sum_of_squares};
  }
};

}  // namespace dvar::detail
