#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <dvar/detail/aligned_allocator.hpp>
#include <dvar/detail/moments.hpp>

namespace dvar::detail {

/// What the ratio of variances after some observation is made of, besides the sums of the window and of the
/// open chunk.
struct ratio_terms {
  double count;               // n, all observations
  double open_length;         // of which in the open chunk
  double inverse_window;      // 1 / N
  double shift;               // from the mean of the closed chunks to the pivot of the open one
  double squared_deviations;  // of the closed chunks from their mean
};

/// n^2 times the variance of the window.
inline double recent_term(const ratio_terms& t, const moments& window) noexcept {
  return window.squared_deviations(t.inverse_window) * (t.count * (t.count * t.inverse_window));
}

/// n^2 times the variance of all observations.
inline double total_term(const ratio_terms& t, const moments& open) noexcept {
  moments all = open.shifted(t.open_length, t.shift);
  all.sum_of_squares += t.squared_deviations;
  return all.scaled_squared_deviations(t.count);
}

/// How many ratios at most are taken at once: enough for long loops, few enough that what they write first is
/// still in the nearest cache when it is read again.
inline constexpr std::size_t row_length = 128;

/// One number for each of some series, or of some observations; begins at a whole vector.
struct alignas(vector_bytes) number_row : std::array<double, row_length> {};

/// Writes the quotients of the two terms, not finite where there is none, and returns how many are below the
/// threshold. Apart from the loop that takes the terms, because GCC 12 does not vectorise a division behind
/// `not_below_zero`.
inline std::size_t ratio_row(const double* __restrict recent, const double* __restrict total,
                             double threshold, double* __restrict ratios, std::size_t length) noexcept {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < length; ++i) {
    // What is added is 0, or NaN where the total is not finite.
    ratios[i] = recent[i] / total[i] + (total[i] - total[i]);
    // The top of the bits of 1.0 is 1: counts without leaving the registers of doubles.
    below += std::bit_cast<std::uint64_t>(ratios[i] < threshold ? 1.0 : 0.0) >> 61U;
  }
  return static_cast<std::size_t>(below);
}

}  // namespace dvar::detail
