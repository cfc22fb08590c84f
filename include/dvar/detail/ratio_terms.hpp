#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <dvar/detail/moments.hpp>

namespace dvar::detail {

/// What the ratio of variances after some observation is made of, besides the sums of the window and of the
/// open chunk.
struct ratio_terms {
  double count = 0.0;               // n, all observations
  double open_length = 0.0;         // of which in the open chunk
  double inverse_window = 0.0;      // 1 / N
  double shift = 0.0;               // from the mean of the closed chunks to the pivot of the open one
  double squared_deviations = 0.0;  // of the closed chunks from their mean
};

/// n^2 times the variance of the window, by its squared deviations.
inline double recent_term(const ratio_terms& t, double squared_deviations) noexcept {
  return squared_deviations * (t.count * (t.count * t.inverse_window));
}

/// n^2 times the variance of all observations. The open chunk has at most half of them, so rounding does not take
/// this below 0.
inline double total_term(const ratio_terms& t, const moments& open) noexcept {
  moments all = open.shifted(t.open_length, t.shift);
  all.sum_of_squares += t.squared_deviations;
  return multiply_add(t.count, all.sum_of_squares, -(all.sum * all.sum));
}

/// The ratio of the two terms, not finite where there is none: what is added is 0, or NaN where the total is not
/// finite.
inline double ratio_of_terms(double recent, double total) noexcept {
  return recent / total + (total - total);
}

/// False only where the ratio of the two terms, or of others that are no less and no more, is not below the threshold
/// for certain. Takes no division.
inline bool may_be_below(double recent, double total, double threshold) noexcept {
  // Of all that is rounded on the way to both terms; and where products are so small that they lose digits.
  constexpr double rounding = 0x1p-40;
  constexpr double smallest = 1e-290;
  const double above = multiply_add(-threshold, total, recent);
  return !(above > multiply_add(rounding, total, smallest)) & (total > 0.0);
}

/// 1 or 0, for sums over long loops: the top of the bits of 1.0 is 1, so that vectors of doubles need not become
/// vectors of anything else.
inline std::uint64_t one_if(bool holds) noexcept {
  return std::bit_cast<std::uint64_t>(holds ? 1.0 : 0.0) >> 61U;
}

}  // namespace dvar::detail
