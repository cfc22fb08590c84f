#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include <dvar/detail/independent_loop.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/ratio_row.hpp>
#include <dvar/detail/segment_clock.hpp>
#include <dvar/detail/xtensor.hpp>
#include <dvar/state.hpp>

namespace dvar::detail {

/// The numbers of `rolling_variance`, `pooled_moments` and `variance_ratio` for up to `row_length` series side
/// by side.
///
/// Every loop runs over series, which do not depend on each other, so that a compiler makes vector
/// instructions of it. Each series gets the operations of the single rule in their order, hence the same bits.
template <class T>
class series_block {
 public:
  /// `clock` tells where all series stand, here and below.
  series_block(const segment_clock& clock, std::size_t series)
      : ring_(zeros<T>(clock.window(), series)),
        closed_(zeros<double>(3 * clock.segments(), series)),
        rests_(zeros<double>(2 * clock.longest(), series)),
        totals_(zeros<double>(total_rows, series)) {}

  [[nodiscard]] std::size_t series() const noexcept { return ring_.shape(1); }

  /// Takes a value of each series; `now` is what `clock` did to come where it is. Once the windows are full it
  /// writes the ratios, not finite where there is none, and returns how many are below the threshold.
  std::size_t observe(const segment_clock& clock, const segment_clock::step& now, const T* values,
                      double threshold, double* ratios) noexcept {
    const std::size_t length = series();
    if (now.only_pivot) {
      std::copy_n(values, length, &ring_(now.position, 0));
      std::copy_n(values, length, row(pivot));
      return 0;
    }
    if (clock.full() && !now.closes) {
      return add_and_take_ratios(clock, now.position, values, threshold, ratios);
    }
    add(now.position, values);
    if (now.closes) {
      close(clock, now);
    }
    return clock.full() ? take_ratios(clock, threshold, ratios) : 0;
  }

  /// Sums of the last N values of series `s` about its pivot. Meaningful once the windows are full.
  [[nodiscard]] moments window_sums(const segment_clock& clock, std::size_t s) const noexcept {
    return moments{rests_(2 * clock.offset(), s), rests_(2 * clock.offset() + 1, s)} + open_sums(s);
  }

  /// Sums of all values of series `s` about the mean of those in closed segments.
  [[nodiscard]] moments total_sums(const segment_clock& clock, std::size_t s) const noexcept {
    moments all = open_sums(s).shifted(static_cast<double>(clock.offset()), totals_(shift, s));
    all.sum_of_squares += totals_(squared_deviations, s);
    return all;
  }

  void reset() noexcept {
    std::fill_n(ring_.data(), ring_.size(), T{});
    for (rows* const array : {&closed_, &rests_, &totals_}) {
      std::fill_n(array->data(), array->size(), 0.0);
    }
  }

  void save(state_writer& out) const {
    for_each_saved(*this, [&out](const auto& number) { out.write_real(static_cast<double>(number)); });
  }

  void load(const segment_clock& clock, state_reader& in) {
    for_each_saved(
        *this, [&in](auto& number) { number = static_cast<std::decay_t<decltype(number)>>(in.read_real()); });
    if (clock.full()) {
      prepare_rests(clock);
    }
  }

 private:
  using rows = xt::xtensor<double, 2>;

  /// What a series has once. `pivot` and the sums are those of the open segment's new values, at even and at
  /// odd positions of the ring; `origin`, `offset` and `squared_deviations` those of all that was closed;
  /// `shift` is how far the pivot lies above the mean of the latter.
  enum total_row : std::size_t {
    pivot,
    even_sum,
    even_squares,
    odd_sum,
    odd_squares,
    origin,
    offset,
    squared_deviations,
    shift,
    total_rows
  };

  template <class Value>
  static xt::xtensor<Value, 2> zeros(std::size_t rows, std::size_t series) {
    return xt::xtensor<Value, 2>(std::array<std::size_t, 2>{rows, series}, Value{});
  }

  template <class Self, class F>
  static void for_each_saved(Self& self, F f) {
    const auto each = [&f](auto& array) { std::for_each(array.data(), array.data() + array.size(), f); };
    each(self.ring_);
    each(self.closed_);
    each(self.totals_);
  }

  [[nodiscard]] double* row(total_row which) noexcept { return &totals_(which, 0); }

  [[nodiscard]] moments open_sums(std::size_t s) const noexcept {
    return moments{totals_(even_sum, s), totals_(even_squares, s)} +
           moments{totals_(odd_sum, s), totals_(odd_squares, s)};
  }

  [[nodiscard]] ratio_terms terms(const segment_clock& clock, std::size_t s) const noexcept {
    return {.count = static_cast<double>(clock.count()),
            .open_length = static_cast<double>(clock.offset()),
            .inverse_window = 1.0 / static_cast<double>(clock.window()),
            .shift = totals_(shift, s),
            .squared_deviations = totals_(squared_deviations, s)};
  }

  void add(std::size_t position, const T* values) noexcept {
    const std::size_t length = series();
    T* const ring = &ring_(position, 0);
    const double* const pivots = row(pivot);
    double* const sums = row(position % 2 == 0 ? even_sum : odd_sum);
    double* const squares = row(position % 2 == 0 ? even_squares : odd_squares);
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      ring[s] = values[s];
      const double deviation = static_cast<double>(values[s]) - pivots[s];
      sums[s] += deviation;
      squares[s] = multiply_add(deviation, deviation, squares[s]);
    }
  }

  std::size_t take_ratios(const segment_clock& clock, double threshold, double* ratios) noexcept {
    number_row recent;
    number_row total;
    const std::size_t length = series();
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      const ratio_terms t = terms(clock, s);
      recent[s] = recent_term(t, window_sums(clock, s));
      total[s] = total_term(t, open_sums(s));
    }
    // While the window is all there is, the ratio is 1 without any rounding, or 0/0.
    const bool window_is_all = clock.count() == clock.window();
    return ratio_row(window_is_all ? total.data() : recent.data(), total.data(), threshold, ratios, length);
  }

  /// `add` and `take_ratios` in one loop, which reads each number once: what most steps do.
  std::size_t add_and_take_ratios(const segment_clock& clock, std::size_t position, const T* values,
                                  double threshold, double* ratios) noexcept {
    const bool even = position % 2 == 0;
    T* const ring = &ring_(position, 0);
    const double* const pivots = row(pivot);
    double* const sums = row(even ? even_sum : odd_sum);
    double* const squares = row(even ? even_squares : odd_squares);
    const double* const other_sums = row(even ? odd_sum : even_sum);
    const double* const other_squares = row(even ? odd_squares : even_squares);
    const double* const rest_sums = &rests_(2 * clock.offset(), 0);
    const double* const rest_squares = &rests_(2 * clock.offset() + 1, 0);
    const double* const shifts = row(shift);
    const double* const deviations = row(squared_deviations);
    const auto count = static_cast<double>(clock.count());
    const auto open_length = static_cast<double>(clock.offset());
    const double inverse_window = 1.0 / static_cast<double>(clock.window());
    number_row recent;
    number_row total;
    const std::size_t length = series();
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      ring[s] = values[s];
      const double deviation = static_cast<double>(values[s]) - pivots[s];
      const double sum = sums[s] + deviation;
      const double square = multiply_add(deviation, deviation, squares[s]);
      sums[s] = sum;
      squares[s] = square;
      const moments open{sum + other_sums[s], square + other_squares[s]};
      const ratio_terms t{count, open_length, inverse_window, shifts[s], deviations[s]};
      recent[s] = recent_term(t, {rest_sums[s] + open.sum, rest_squares[s] + open.sum_of_squares});
      total[s] = total_term(t, open);
    }
    return ratio_row(recent.data(), total.data(), threshold, ratios, length);
  }

  void close(const segment_clock& clock, const segment_clock::step& now) noexcept {
    summarise(now);
    fold(now, static_cast<double>(clock.count() - now.length));
    open(now);
    if (clock.full()) {
      prepare_rests(clock);
    }
  }

  /// As in `rolling_variance`: adds up the segment that is full, in four lanes.
  void summarise(const segment_clock::step& now) noexcept {
    constexpr std::size_t lanes = 4;
    std::array<number_row, lanes> sums{};
    std::array<number_row, lanes> squares{};
    const std::size_t length = series();
    double* const pivots = &closed_(3 * now.segment, 0);
    std::copy_n(&ring_(now.begin, 0), length, pivots);
    const double* const pivot_of = pivots;
    for (std::size_t i = 0; i < now.length; ++i) {
      const std::size_t lane = i < now.length / lanes * lanes ? i % lanes : 0;
      const T* const values = &ring_(now.begin + i, 0);
      double* const sum = sums[lane].data();
      double* const square = squares[lane].data();
      DVAR_INDEPENDENT_LOOP
      for (std::size_t s = 0; s < length; ++s) {
        const double deviation = static_cast<double>(values[s]) - pivot_of[s];
        sum[s] += deviation;
        square[s] = multiply_add(deviation, deviation, square[s]);
      }
    }
    double* const closed_sums = &closed_(3 * now.segment + 1, 0);
    double* const closed_squares = &closed_(3 * now.segment + 2, 0);
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      closed_sums[s] = (sums[0][s] + sums[1][s]) + (sums[2][s] + sums[3][s]);
      closed_squares[s] = (squares[0][s] + squares[1][s]) + (squares[2][s] + squares[3][s]);
    }
  }

  /// As `pooled_moments::add`, after `before` other values.
  void fold(const segment_clock::step& now, double before) noexcept {
    const auto count = static_cast<double>(now.length);
    const double scale = 1.0 / count;
    const double share = count / (before + count);
    const std::size_t length = series();
    const double* const pivots = &closed_(3 * now.segment, 0);
    const double* const sums = &closed_(3 * now.segment + 1, 0);
    const double* const squares = &closed_(3 * now.segment + 2, 0);
    double* const origins = row(origin);
    double* const offsets = row(offset);
    double* const deviations = row(squared_deviations);
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

  /// Empties the open chunk; its pivot is the mean of the one before it.
  void open(const segment_clock::step& now) noexcept {
    const auto count = static_cast<double>(now.length);
    const double* const closed_pivots = &closed_(3 * now.segment, 0);
    const double* const closed_sums = &closed_(3 * now.segment + 1, 0);
    const double* const origins = row(origin);
    const double* const offsets = row(offset);
    double* const pivots = row(pivot);
    double* const shifts = row(shift);
    const std::size_t length = series();
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      pivots[s] = closed_pivots[s] + closed_sums[s] / count;
      shifts[s] = (pivots[s] - origins[s]) - offsets[s];
    }
    std::fill_n(row(even_sum), 4 * length, 0.0);
  }

  /// As in `rolling_variance`.
  void prepare_rests(const segment_clock& clock) noexcept {
    number_row rest_sums{};
    number_row rest_squares{};
    const std::size_t length = series();
    const double* const pivots = row(pivot);
    double* const sums = rest_sums.data();
    double* const squares = rest_squares.data();
    for (std::size_t segment = 0; segment < clock.segments(); ++segment) {
      if (segment == clock.segment()) {
        continue;
      }
      const auto count = static_cast<double>(clock.length(segment));
      const double* const closed_pivots = &closed_(3 * segment, 0);
      const double* const closed_sums = &closed_(3 * segment + 1, 0);
      const double* const closed_squares = &closed_(3 * segment + 2, 0);
      DVAR_INDEPENDENT_LOOP
      for (std::size_t s = 0; s < length; ++s) {
        const moments closed =
            moments{closed_sums[s], closed_squares[s]}.shifted(count, closed_pivots[s] - pivots[s]);
        sums[s] += closed.sum;
        squares[s] += closed.sum_of_squares;
      }
    }
    std::size_t left = clock.end() - clock.begin();
    for (; left >= 4; left -= 4) {
      add_suffixes<4>(clock.begin(), left, sums, squares);
    }
    for (; left > 0; --left) {
      add_suffixes<1>(clock.begin(), left, sums, squares);
    }
  }

  /// Writes the rests of the `Rows` rows before `left` and adds these to the running ones.
  template <std::size_t Rows>
  void add_suffixes(std::size_t begin, std::size_t left, double* rest_sums, double* rest_squares) noexcept {
    const std::size_t length = series();
    const T* const old = &ring_(begin + left - Rows, 0);
    const double* const pivots = row(pivot);
    double* const rests = &rests_(2 * (left - Rows), 0);
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      moments some;
      for (std::size_t i = Rows; i-- > 0;) {
        some.add(static_cast<double>(old[i * length + s]) - pivots[s]);
        rests[2 * i * length + s] = rest_sums[s] + some.sum;
        rests[(2 * i + 1) * length + s] = rest_squares[s] + some.sum_of_squares;
      }
      rest_sums[s] += some.sum;
      rest_squares[s] += some.sum_of_squares;
    }
  }

  // [row, series]
  xt::xtensor<T, 2> ring_;
  rows closed_;  // pivot, sum, sum of squares of each segment
  rows rests_;   // sum, sum of squares of the window without the new values, by how many these are
  rows totals_;
};

}  // namespace dvar::detail
