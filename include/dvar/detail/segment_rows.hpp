#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include <dvar/detail/independent_loop.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/ratio_row.hpp>

/// \file
/// What `rolling_variance` and `pooled_moments` do when a segment is full, for `length` series side by side, at
/// most `row_length`. Each series gets their operations in their order, hence the same bits.

namespace dvar::detail {

/// `chunk`s of series, which all have the same number of values.
struct chunk_rows {
  double* pivots;
  double* sums;
  double* squares;
};

/// `pooled_moments` of series, which all have seen as much.
struct pooled_rows {
  double* origins;
  double* offsets;
  double* squared_deviations;
};

/// `rolling_variance::summarise`: adds up `rows` rows of values, `stride` apart, in four lanes.
template <class T>
void summarise_rows(const T* first, std::size_t stride, std::size_t rows, const chunk_rows& closed,
                    std::size_t length) noexcept {
  constexpr std::size_t lanes = 4;
  std::array<number_row, lanes> sums{};
  std::array<number_row, lanes> squares{};
  const double* const pivots = closed.pivots;
  std::copy_n(first, length, closed.pivots);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t lane = i < rows / lanes * lanes ? i % lanes : 0;
    const T* const values = first + i * stride;
    double* const sum = sums[lane].data();
    double* const square = squares[lane].data();
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      const double deviation = static_cast<double>(values[s]) - pivots[s];
      sum[s] += deviation;
      square[s] = multiply_add(deviation, deviation, square[s]);
    }
  }
  double* const closed_sums = closed.sums;
  double* const closed_squares = closed.squares;
  DVAR_INDEPENDENT_LOOP
  for (std::size_t s = 0; s < length; ++s) {
    closed_sums[s] = (sums[0][s] + sums[1][s]) + (sums[2][s] + sums[3][s]);
    closed_squares[s] = (squares[0][s] + squares[1][s]) + (squares[2][s] + squares[3][s]);
  }
}

/// `pooled_moments::add` of a chunk of `count` values after `before` others.
inline void fold_rows(const chunk_rows& closed, double count, double before, const pooled_rows& history,
                      std::size_t length) noexcept {
  const double scale = 1.0 / count;
  const double share = count / (before + count);
  const auto [pivots, sums, squares] = closed;
  const auto [origins, offsets, deviations] = history;
  if (before == 0.0) {
    for (std::size_t s = 0; s < length; ++s) {
      origins[s] = pivots[s];
      offsets[s] = sums[s] * scale;
    }
  }
  DVAR_INDEPENDENT_LOOP
  for (std::size_t s = 0; s < length; ++s) {
    const double delta = multiply_add(sums[s], scale, pivots[s] - origins[s]) - offsets[s];
    const double own = moments{sums[s], squares[s]}.squared_deviations(scale);
    deviations[s] += multiply_add(delta * delta * before, share, own);
    offsets[s] = multiply_add(delta, share, offsets[s]);
  }
}

/// The pivots of the next open chunks, the means of the closed ones, and how far they lie above the means of the
/// history.
inline void open_rows(const chunk_rows& closed, double count, const pooled_rows& history, double* pivots,
                      double* shifts, std::size_t length) noexcept {
  const auto [closed_pivots, closed_sums, closed_squares] = closed;
  const auto [origins, offsets, deviations] = history;
  DVAR_INDEPENDENT_LOOP
  for (std::size_t s = 0; s < length; ++s) {
    pivots[s] = closed_pivots[s] + closed_sums[s] / count;
    shifts[s] = (pivots[s] - origins[s]) - offsets[s];
  }
}

/// Adds closed chunks of `count` values to sums about other pivots.
inline void add_shifted_rows(const chunk_rows& closed, double count, const double* pivots, double* sums,
                             double* squares, std::size_t length) noexcept {
  const auto [closed_pivots, closed_sums, closed_squares] = closed;
  DVAR_INDEPENDENT_LOOP
  for (std::size_t s = 0; s < length; ++s) {
    const moments shifted =
        moments{closed_sums[s], closed_squares[s]}.shifted(count, closed_pivots[s] - pivots[s]);
    sums[s] += shifted.sum;
    squares[s] += shifted.sum_of_squares;
  }
}

/// Writes to `rests`, a row of sums and one of squares in turn, what `sums` and `squares` come to with the last
/// of `Rows` rows of values, with the last two, and so on; and adds all of them to these.
template <std::size_t Rows, class T>
void add_suffix_rows(const T* values, std::size_t stride, const double* pivots, double* sums, double* squares,
                     double* rests, std::size_t length) noexcept {
  DVAR_INDEPENDENT_LOOP
  for (std::size_t s = 0; s < length; ++s) {
    moments some;
    for (std::size_t i = Rows; i-- > 0;) {
      some.add(static_cast<double>(values[i * stride + s]) - pivots[s]);
      rests[2 * i * stride + s] = sums[s] + some.sum;
      rests[(2 * i + 1) * stride + s] = squares[s] + some.sum_of_squares;
    }
    sums[s] += some.sum;
    squares[s] += some.sum_of_squares;
  }
}

}  // namespace dvar::detail
