#pragma once

#include <dvar/detail/multiply_add.hpp>
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
    sum_of_squares = multiply_add(deviation, deviation, sum_of_squares);
  }

  /// Takes one of the values out and another in, both given by their deviations. What rounding leaves behind is
  /// small beside the largest of the sums so far, not beside the new ones: see `are_trusted`.
  void replace(double leaving, double entering) noexcept {
    const double change = entering - leaving;
    sum += change;
    sum_of_squares = multiply_add(change, entering + leaving, sum_of_squares);
  }

  /// The same about another pivot, which lies `shift` below, for `count` values.
  [[nodiscard]] moments shifted(double count, double shift) const noexcept {
    const double shifted_sum = multiply_add(count, shift, sum);
    return {shifted_sum, multiply_add(shift, sum + shifted_sum, sum_of_squares)};
  }

  /// The sum of squared deviations from the mean of the values; `scale` is 1 over their number.
  [[nodiscard]] double squared_deviations(double scale) const noexcept {
    return not_below_zero(rounded_deviations(scale));
  }

  /// The same where rounding may have taken it below 0.
  [[nodiscard]] double rounded_deviations(double scale) const noexcept {
    return multiply_add(-(sum * scale), sum, sum_of_squares);
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

/// Whether so much is left of sums of squares, `largest` of which at most went in, that what cancelled cost at most
/// four binary digits. Not where anything is NaN, and not where `squared_deviations` are below 0.
inline bool are_trusted(double squared_deviations, double largest) noexcept {
  return 16.0 * squared_deviations >= largest;
}

/// A stretch of observations, added up about a pivot near them.
struct chunk {
  double length = 0.0;
  double pivot = 0.0;
  moments about_pivot;

  void add(double value) noexcept {
    about_pivot.add(value - pivot);
    length += 1.0;
  }

  void save(state_writer& out) const {
    out.write_real(length);
    out.write_real(pivot);
    about_pivot.save(out);
  }

  void load(state_reader& in) {
    length = in.read_real_count();
    pivot = in.read_real();
    about_pivot.load(in);
  }
};

}  // namespace dvar::detail
