#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include <dvar/detail/aligned_allocator.hpp>
#include <dvar/detail/independent_loop.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/ratio_row.hpp>
#include <dvar/detail/segment_clock.hpp>
#include <dvar/detail/segment_rows.hpp>
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
      : series_(series),
        ring_(zeros<T>(clock.window(), series)),
        closed_(zeros<double>(3 * clock.segments(), series)),
        rests_(zeros<double>(2 * clock.longest(), series)),
        totals_(zeros<double>(total_rows, series)) {}

  [[nodiscard]] std::size_t series() const noexcept { return series_; }

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
  template <class Value>
  using aligned = xt::xtensor<Value, 2, XTENSOR_DEFAULT_LAYOUT, aligned_allocator<Value>>;
  using rows = aligned<double>;

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

  /// [rows, series]: every row begins at a whole vector, so it has some numbers more, which are not used.
  template <class Value>
  static aligned<Value> zeros(std::size_t rows, std::size_t series) {
    constexpr std::size_t unit = vector_bytes / sizeof(float);
    return aligned<Value>(std::array<std::size_t, 2>{rows, (series + unit - 1) / unit * unit}, Value{});
  }

  template <class Self, class F>
  static void for_each_saved(Self& self, F f) {
    const auto each = [&](auto& array) {
      for (std::size_t row = 0; row < array.shape(0); ++row) {
        std::for_each(&array(row, 0), &array(row, 0) + self.series_, f);
      }
    };
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

  [[nodiscard]] chunk_rows closed(std::size_t segment) noexcept {
    return {&closed_(3 * segment, 0), &closed_(3 * segment + 1, 0), &closed_(3 * segment + 2, 0)};
  }

  void close(const segment_clock& clock, const segment_clock::step& now) noexcept {
    const chunk_rows full = closed(now.segment);
    const pooled_rows history{row(origin), row(offset), row(squared_deviations)};
    const auto count = static_cast<double>(now.length);
    summarise_rows(&ring_(now.begin, 0), ring_.shape(1), now.length, full, series());
    fold_rows(full, count, static_cast<double>(clock.count() - now.length), history, series());
    open_rows(full, count, history, row(pivot), row(shift), series());
    std::fill_n(row(even_sum), 4 * totals_.shape(1), 0.0);
    if (clock.full()) {
      prepare_rests(clock);
    }
  }

  /// As in `rolling_variance`.
  void prepare_rests(const segment_clock& clock) noexcept {
    number_row sums{};
    number_row squares{};
    const double* const pivots = row(pivot);
    for (std::size_t segment = 0; segment < clock.segments(); ++segment) {
      if (segment != clock.segment()) {
        add_shifted_rows(closed(segment), static_cast<double>(clock.length(segment)), pivots, sums.data(),
                         squares.data(), series());
      }
    }
    for (std::size_t left = clock.end() - clock.begin(); left > 0;) {
      const bool four = left >= 4;
      left -= four ? 4 : 1;
      const auto add = four ? add_suffix_rows<4, T> : add_suffix_rows<1, T>;
      add(&ring_(clock.begin() + left, 0), ring_.shape(1), pivots, sums.data(), squares.data(),
          &rests_(2 * left, 0), series());
    }
  }

  std::size_t series_;
  aligned<T> ring_;
  rows closed_;  // pivot, sum, sum of squares of each segment
  rows rests_;   // sum, sum of squares of the window without the new values, by how many these are
  rows totals_;
};

}  // namespace dvar::detail
