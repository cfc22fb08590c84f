#pragma once

#include <dvar/detail/finite.hpp>
#include <dvar/detail/multiply_add.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2::detail {

/// Holds the sums of deviations from some pivot and of their squares, of some number of values: a `double` of
/// each, or `lanes` for as many series side by side.
///
/// It is aligned as the pair that compilers load and store at once: a pair that straddles two cache lines
/// cannot be read back before it is written out, which would cost more than the arithmetic.
template <class Number>
struct alignas(2 * sizeof(Number)) basic_moments {
  Number sum = 0.0;
  Number sum_of_squares = 0.0;

  void add(Number deviation) noexcept {
    sum += deviation;
    sum_of_squares = multiply_add(deviation, deviation, sum_of_squares);
  }

  /// Takes one of the values out and another in, both given by their deviations. What rounding leaves behind is
  /// small beside the largest of the sums so far, not beside the new ones: see `are_trusted`.
  void replace(Number leaving, Number entering) noexcept {
    const Number change = entering - leaving;
    sum += change;
    sum_of_squares = multiply_add(change, entering + leaving, sum_of_squares);
  }

  /// Returns the sums about another pivot, which lies `shift` below, for `count` values.
  [[nodiscard]] basic_moments shifted(double count, Number shift) const noexcept {
    const Number shifted_sum = multiply_add(count, shift, sum);
    return {shifted_sum, multiply_add(shift, sum + shifted_sum, sum_of_squares)};
  }

  /// Returns the sum of squared deviations from the mean of the values; `scale` is 1 over their number.
  [[nodiscard]] Number squared_deviations(double scale) const noexcept {
    return not_below_zero(rounded_deviations(scale));
  }

  /// Returns the sum of squared deviations as computed; rounding may have taken it below 0.
  [[nodiscard]] Number rounded_deviations(double scale) const noexcept {
    return multiply_add(-(sum * scale), sum, sum_of_squares);
  }

  static void state(auto& self, auto& archive) { archive(self.sum, self.sum_of_squares); }

  friend basic_moments operator+(const basic_moments& a, const basic_moments& b) noexcept {
    return {a.sum + b.sum, a.sum_of_squares + b.sum_of_squares};
  }
};

using moments = basic_moments<double>;

/// Returns whether so much is left of sums of squares, `largest` of which at most went in, that what canceled
/// cost at most four binary digits. False where anything is NaN or `squared_deviations` are below 0.
template <class Number>
auto are_trusted(Number squared_deviations, Number largest) noexcept {
  if constexpr (assumes_finite)
    return is_finite(squared_deviations) && is_finite(largest) && 16.0 * squared_deviations >= largest;
  else
    return 16.0 * squared_deviations >= largest;
}

/// Holds a stretch of observations, added up about a pivot near them; or one as long of each of several series.
template <class Number>
struct basic_chunk {
  double length = 0.0;
  Number pivot = 0.0;
  basic_moments<Number> about_pivot;

  void add(Number value) noexcept {
    about_pivot.add(value - pivot);
    length += 1.0;
  }

  static void state(auto& self, auto& archive) {
    archive.whole(self.length);
    archive(self.pivot, self.about_pivot);
  }
};

using chunk = basic_chunk<double>;

}  // namespace dvar::inline v0_2::detail
