#pragma once

#include <cstddef>

#include <dvar/detail/independent_loop.hpp>
#include <dvar/detail/moments.hpp>

/// \file
/// What `rolling_variance` and `pooled_moments` do when a segment is full, for `length` series side by side. Each
/// series gets their operations in their order, hence the same bits.

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

}  // namespace dvar::detail
