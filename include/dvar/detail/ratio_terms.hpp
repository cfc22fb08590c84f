#pragma once

#include <dvar/detail/moments.hpp>

namespace dvar::inline v0_2::detail {

/// Holds what the ratio of variances after some observation is made of, besides the sums of the window and of
/// the open chunk.
template <class Number>
struct basic_ratio_terms {
  double count = 0.0;               // n, all observations
  double open_length = 0.0;         // of which in the open chunk
  double inverse_window = 0.0;      // 1 / N
  Number shift = 0.0;               // from the mean of the closed chunks to the pivot of the open one
  Number squared_deviations = 0.0;  // of the closed chunks from their mean
};

using ratio_terms = basic_ratio_terms<double>;

/// Returns n^2 times the variance of the window, from its squared deviations.
template <class Number>
Number recent_term(const basic_ratio_terms<Number>& t, Number squared_deviations) noexcept {
  return squared_deviations * (t.count * (t.count * t.inverse_window));
}

/// Returns n^2 times the variance of all observations. The open chunk has at most half of them, so rounding
/// does not take this below 0.
template <class Number>
Number total_term(const basic_ratio_terms<Number>& t, const basic_moments<Number>& open) noexcept {
  basic_moments<Number> all = open.shifted(t.open_length, t.shift);
  all.sum_of_squares += t.squared_deviations;
  return multiply_add(t.count, all.sum_of_squares, -(all.sum * all.sum));
}

/// Returns the ratio of the two terms, not finite where there is none: what is added is 0, or NaN where the
/// total is not finite.
template <class Number>
Number ratio_of_terms(Number recent, Number total) noexcept {
  return recent / total + (total - total);
}

/// Returns false only where the ratio of the two terms, or of others that are no less and no more, is not
/// below the threshold for certain. Takes no division.
template <class Number>
auto may_be_below(Number recent, Number total, double threshold) noexcept {
  // The rounding on the way to both terms, and the size below which products lose digits.
  constexpr double rounding = 0x1p-40;
  constexpr double smallest = 1e-290;
  const Number above = multiply_add(-threshold, total, recent);
  return (!(above > multiply_add(rounding, total, smallest))) & (total > 0.0);
}

}  // namespace dvar::inline v0_2::detail
