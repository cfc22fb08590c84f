#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

/// \file
/// The arithmetic of `rolling_variance`, `pooled_moments` and `variance_ratio` for adjacent series at once.
///
/// Every loop runs over series that lie side by side and do not depend on each other, so that a compiler makes
/// vector instructions of it; none takes more than `series_block` of them. Each series gets the operations of
/// the single rule in their order, hence the same bits, as long as products and sums are rounded one by one.

namespace dvar::detail {

/// How many series at most are taken through a step together: enough for long loops, few enough that what they
/// write first is still in the nearest cache when it is read again.
inline constexpr std::size_t series_block = 256;

/// One number for each of some series.
using series_row = std::array<double, series_block>;

/// `moments` of adjacent series.
struct moment_rows {
  double* sum;
  double* sum_of_squares;
};

/// `chunk`s of adjacent series, which all have the same length.
struct chunk_rows {
  double* pivot;
  moment_rows about_pivot;
};

/// `pooled_moments` of adjacent series, which all have seen as much.
struct pooled_rows {
  double* origin;
  double* offset;
  double* squared_deviations;
};

/// As in `moments`. A NaN stays one.
inline double not_below_zero(double value) noexcept {
  return 0.0 > value ? 0.0 : value;
}

/// `moments::add` of the values' deviations from the pivots.
template <class T>
void add_row(const T* __restrict values, const double* __restrict pivot, double* __restrict sum,
             double* __restrict sum_of_squares, std::size_t series) noexcept {
  for (std::size_t s = 0; s < series; ++s) {
    const double deviation = static_cast<double>(values[s]) - pivot[s];
    sum[s] += deviation;
    sum_of_squares[s] += deviation * deviation;
  }
}

/// The same, and leaves what it adds to as it is.
template <class T>
void add_row(const T* __restrict values, const double* __restrict pivot, const double* __restrict sum,
             const double* __restrict sum_of_squares, double* __restrict new_sum,
             double* __restrict new_sum_of_squares, std::size_t series) noexcept {
  for (std::size_t s = 0; s < series; ++s) {
    const double deviation = static_cast<double>(values[s]) - pivot[s];
    new_sum[s] = sum[s] + deviation;
    new_sum_of_squares[s] = sum_of_squares[s] + deviation * deviation;
  }
}

/// `rolling_variance::summarise`: adds up `length` rows of values, `stride` apart, in four lanes.
template <class T>
void summarise_rows(const T* values, std::size_t stride, std::size_t length, const chunk_rows& closed,
                    std::size_t series) noexcept {
  constexpr std::size_t lanes = 4;
  std::array<series_row, lanes> sums{};
  std::array<series_row, lanes> squares{};
  std::copy_n(values, series, closed.pivot);
  for (std::size_t row = 0; row < length; ++row) {
    const std::size_t lane = row < length / lanes * lanes ? row % lanes : 0;
    add_row(values + row * stride, closed.pivot, sums[lane].data(), squares[lane].data(), series);
  }
  double* __restrict sum = closed.about_pivot.sum;
  double* __restrict sum_of_squares = closed.about_pivot.sum_of_squares;
  for (std::size_t s = 0; s < series; ++s) {
    sum[s] = (sums[0][s] + sums[1][s]) + (sums[2][s] + sums[3][s]);
    sum_of_squares[s] = (squares[0][s] + squares[1][s]) + (squares[2][s] + squares[3][s]);
  }
}

/// `pooled_moments::add` of a chunk of `length` values after `before` others.
inline void fold_rows(const chunk_rows& closed, double length, double before, const pooled_rows& history,
                      std::size_t series) noexcept {
  const double scale = 1.0 / length;
  const double share = length / (before + length);
  const double* __restrict pivot = closed.pivot;
  const double* __restrict sum = closed.about_pivot.sum;
  const double* __restrict sum_of_squares = closed.about_pivot.sum_of_squares;
  double* __restrict origin = history.origin;
  double* __restrict offset = history.offset;
  double* __restrict squared_deviations = history.squared_deviations;
  if (before == 0.0) {
    for (std::size_t s = 0; s < series; ++s) {
      origin[s] = pivot[s];
      offset[s] = sum[s] * scale;
    }
  }
  for (std::size_t s = 0; s < series; ++s) {
    const double delta = ((pivot[s] - origin[s]) + sum[s] * scale) - offset[s];
    squared_deviations[s] +=
        not_below_zero(sum_of_squares[s] - sum[s] * sum[s] * scale) + delta * delta * before * share;
    offset[s] += delta * share;
  }
}

/// Empties the open chunk, with the mean of the one before it as the pivot; `shift` is how far that lies above
/// the mean of the history.
inline void open_rows(const chunk_rows& closed, double length, const pooled_rows& history,
                      const chunk_rows& open, double* __restrict shift, std::size_t series) noexcept {
  const double* __restrict closed_pivot = closed.pivot;
  const double* __restrict closed_sum = closed.about_pivot.sum;
  const double* __restrict origin = history.origin;
  const double* __restrict offset = history.offset;
  double* __restrict pivot = open.pivot;
  for (std::size_t s = 0; s < series; ++s) {
    pivot[s] = closed_pivot[s] + closed_sum[s] / length;
    shift[s] = (pivot[s] - origin[s]) - offset[s];
  }
  std::fill_n(open.about_pivot.sum, series, 0.0);
  std::fill_n(open.about_pivot.sum_of_squares, series, 0.0);
}

/// Adds a chunk of `length` values to sums about another pivot: `moments::shifted`.
inline void add_shifted_rows(const chunk_rows& closed, double length, const double* __restrict pivot,
                             double* __restrict sum, double* __restrict sum_of_squares,
                             std::size_t series) noexcept {
  const double* __restrict closed_pivot = closed.pivot;
  const double* __restrict closed_sum = closed.about_pivot.sum;
  const double* __restrict closed_squares = closed.about_pivot.sum_of_squares;
  for (std::size_t s = 0; s < series; ++s) {
    const double shift = closed_pivot[s] - pivot[s];
    sum[s] += closed_sum[s] + length * shift;
    sum_of_squares[s] += closed_squares[s] + shift * (2.0 * closed_sum[s] + length * shift);
  }
}

/// What all series of a bank have in common when the ratios are taken.
struct ratio_terms {
  double count;           // n
  double open_length;     // of which in the open chunk
  double inverse_window;  // 1 / N
  double threshold;
  bool window_is_all;  // n == N
};

/// `variance_ratio::latest`: writes the ratios, not finite where there is none, and returns how many of them
/// are below the threshold.
///
/// Two loops, because GCC 12 does not vectorise a division behind `not_below_zero`.
inline std::size_t ratio_rows(const ratio_terms& terms, const moment_rows& rest, const moment_rows& open,
                              const double* __restrict shift, const double* __restrict squared_deviations,
                              double* __restrict ratio, std::size_t series) noexcept {
  const auto [n, length, scale, threshold, window_is_all] = terms;
  const double to_total = n * (n * scale);
  const double* __restrict rest_sum = rest.sum;
  const double* __restrict rest_squares = rest.sum_of_squares;
  const double* __restrict sum = open.sum;
  const double* __restrict squares = open.sum_of_squares;
  series_row recent;
  series_row all;
  for (std::size_t s = 0; s < series; ++s) {
    const double window_sum = rest_sum[s] + sum[s];
    const double window_squares = rest_squares[s] + squares[s];
    recent[s] = not_below_zero(window_squares - window_sum * window_sum * scale) * to_total;
    const double all_sum = sum[s] + length * shift[s];
    const double all_squares =
        (squares[s] + shift[s] * (2.0 * sum[s] + length * shift[s])) + squared_deviations[s];
    all[s] = not_below_zero(n * all_squares - all_sum * all_sum);
  }
  if (window_is_all) {
    std::copy_n(all.begin(), series, recent.begin());
  }
  std::uint64_t below = 0;
  for (std::size_t s = 0; s < series; ++s) {
    // What is added is 0, or NaN where the total is not finite.
    ratio[s] = recent[s] / all[s] + (all[s] - all[s]);
    // The top of the bits of 1.0 is 1: counts without leaving the registers of doubles.
    below += std::bit_cast<std::uint64_t>(ratio[s] < threshold ? 1.0 : 0.0) >> 61U;
  }
  return static_cast<std::size_t>(below);
}

}  // namespace dvar::detail
