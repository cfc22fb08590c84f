#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include <dvar/detail/aligned_allocator.hpp>
#include <dvar/detail/independent_loop.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/ratio_terms.hpp>
#include <dvar/detail/segment_clock.hpp>
#include <dvar/detail/segment_rows.hpp>
#include <dvar/detail/xtensor.hpp>
#include <dvar/state.hpp>

namespace dvar::detail {

/// The numbers of `rolling_variance`, `pooled_moments` and `variance_ratio` for up to `most_series` side by side.
///
/// Every loop runs over series, which do not depend on each other, so that a compiler makes vector
/// instructions of it. Each series gets the operations of the single rule in their order, hence the same bits.
template <class T>
class series_block {
 public:
  /// So many that loops are long, and so few that their numbers stay in the nearest cache from step to step.
  static constexpr std::size_t most_series = 128;

  /// `clock` tells where all series stand, here and below.
  series_block(const segment_clock& clock, std::size_t series)
      : series_(series),
        ring_(zeros<T>(clock.window(), series)),
        closed_(zeros<double>(3 * clock.segments(), series)),
        numbers_(zeros<double>(number_rows, series)) {}

  [[nodiscard]] std::size_t series() const noexcept { return series_; }

  /// Takes a value of each series; `now` is what `clock` did to come where it is. Once the windows are full it
  /// writes the ratios, not finite where there is none, and returns how many are below the threshold.
  std::size_t observe(const segment_clock& clock, const segment_clock::step& now, const T* values,
                      double threshold, double* ratios) noexcept {
    if (now.only_pivot) {
      std::copy_n(values, series(), &ring_(now.position, 0));
      std::copy_n(values, series(), row(pivot));
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

  /// The rows of values of some observations, `stride` apart, and what becomes of them.
  struct group_of_rows {
    const T* values;
    std::size_t stride;
    double threshold;
    const double* first_stops;  ///< of each series, 0 where there is none
  };

  /// How many of the next `most` observations `observe_group` takes at once: a few sizes, or 0.
  static constexpr std::size_t group_size(std::size_t most) noexcept {
    return most >= 8 ? 8 : most >= 4 ? 4 : most >= 2 ? 2 : 0;
  }

  /// Takes `size` observations of each series at once, without their ratios, if there is nothing to them: sums are
  /// trusted throughout, and none of the series stops that has not stopped before. If not, nothing has changed.
  /// Precondition: the windows are full, `size` is a `group_size` and at most `clock.room()`, and the clock has not
  /// yet advanced.
  bool observe_group(const segment_clock& clock, const group_of_rows& shown, std::size_t size) noexcept {
    switch (size) {
      case 8:
        return observe_group(clock, shown, std::make_index_sequence<8>{});
      case 4:
        return observe_group(clock, shown, std::make_index_sequence<4>{});
      default:
        return observe_group(clock, shown, std::make_index_sequence<2>{});
    }
  }

  /// Sums of the last N values of series `s` about its pivot. Meaningful once the windows are full.
  [[nodiscard]] moments window_sums(std::size_t s) const noexcept {
    return {numbers_(sum, s), numbers_(squares, s)};
  }

  /// Sums of all values of series `s` about the mean of those in closed segments.
  [[nodiscard]] moments total_sums(const segment_clock& clock, std::size_t s) const noexcept {
    moments all = open_sums(s).shifted(static_cast<double>(clock.offset()), numbers_(shift, s));
    all.sum_of_squares += numbers_(squared_deviations, s);
    return all;
  }

  void reset() noexcept {
    std::fill_n(ring_.data(), ring_.size(), T{});
    std::fill_n(closed_.data(), closed_.size(), 0.0);
    std::fill_n(numbers_.data(), numbers_.size(), 0.0);
  }

  void save(state_writer& out) const {
    for_each_saved(*this, [&out](const auto& number) { out.write_real(static_cast<double>(number)); });
  }

  void load(state_reader& in) {
    for_each_saved(
        *this, [&in](auto& number) { number = static_cast<std::decay_t<decltype(number)>>(in.read_real()); });
  }

 private:
  template <class Value>
  using aligned = xt::xtensor<Value, 2, XTENSOR_DEFAULT_LAYOUT, aligned_allocator<Value>>;
  using doubles = aligned<double>;

  /// One number for each series; begins at a whole vector.
  struct alignas(vector_bytes) number_row : std::array<double, most_series> {};

  /// What a series has once. `sum` and `squares` are those of the window about `pivot`, `renewed_squares` what the
  /// latter were when they were last added up anew; `open_sum` and `open_squares` those of the open segment's new
  /// values; `origin`, `offset` and `squared_deviations` belong to all that was closed; `shift` is how far the
  /// pivot lies above the mean of the latter.
  enum number_row_name : std::size_t {
    pivot,
    sum,
    squares,
    renewed_squares,
    open_sum,
    open_squares,
    origin,
    offset,
    squared_deviations,
    shift,
    number_rows
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
    each(self.numbers_);
  }

  [[nodiscard]] double* row(number_row_name which) noexcept { return &numbers_(which, 0); }

  /// What nearly every observation reads, and in part writes.
  struct row_pointers {
    const double* pivots;
    double* sums;
    double* squares;
    const double* renewed_squares;
    double* open_sums;
    double* open_squares;
    const double* shifts;
    const double* squared_deviations;
  };
  [[nodiscard]] row_pointers pointers() noexcept {
    return {row(pivot),    row(sum),          row(squares), row(renewed_squares),
            row(open_sum), row(open_squares), row(shift),   row(squared_deviations)};
  }

  [[nodiscard]] moments open_sums(std::size_t s) const noexcept {
    return {numbers_(open_sum, s), numbers_(open_squares, s)};
  }

  [[nodiscard]] ratio_terms terms(const segment_clock& clock, std::size_t s) const noexcept {
    return {.count = static_cast<double>(clock.count()),
            .open_length = static_cast<double>(clock.offset()),
            .inverse_window = 1.0 / static_cast<double>(clock.window()),
            .shift = numbers_(shift, s),
            .squared_deviations = numbers_(squared_deviations, s)};
  }

  /// Puts the values in their places, while the window's sums are not needed or about to be added up anew.
  void add(std::size_t position, const T* values) noexcept {
    T* const ring = &ring_(position, 0);
    const row_pointers at = pointers();
    const std::size_t length = series();
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      moments open{at.open_sums[s], at.open_squares[s]};
      open.add(static_cast<double>(values[s]) - at.pivots[s]);
      ring[s] = values[s];
      at.open_sums[s] = open.sum;
      at.open_squares[s] = open.sum_of_squares;
    }
  }

  std::size_t take_ratios(const segment_clock& clock, double threshold, double* ratios) noexcept {
    // While the window is all there is, the ratio is 1 without any rounding, or 0/0.
    const bool window_is_all = clock.count() == clock.window();
    std::size_t below = 0;
    for (std::size_t s = 0; s < series(); ++s) {
      const ratio_terms t = terms(clock, s);
      const double total = total_term(t, open_sums(s));
      const double recent = recent_term(t, window_sums(s).squared_deviations(t.inverse_window));
      ratios[s] = ratio_of_terms(window_is_all ? total : recent, total);
      below += ratios[s] < threshold ? 1 : 0;
    }
    return below;
  }

  /// What most steps do, in one loop, which reads each number once.
  std::size_t add_and_take_ratios(const segment_clock& clock, std::size_t position, const T* values,
                                  double threshold, double* ratios) noexcept {
    T* const ring = &ring_(position, 0);
    const row_pointers at = pointers();
    const auto count = static_cast<double>(clock.count());
    const auto open_length = static_cast<double>(clock.offset());
    const double inverse_window = 1.0 / static_cast<double>(clock.window());
    std::uint64_t below = 0;
    std::uint64_t trusted = 0;
    const std::size_t length = series();
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      const double entering = static_cast<double>(values[s]) - at.pivots[s];
      moments window{at.sums[s], at.squares[s]};
      moments open{at.open_sums[s], at.open_squares[s]};
      window.replace(static_cast<double>(ring[s]) - at.pivots[s], entering);
      open.add(entering);
      ring[s] = values[s];
      at.sums[s] = window.sum;
      at.squares[s] = window.sum_of_squares;
      at.open_sums[s] = open.sum;
      at.open_squares[s] = open.sum_of_squares;
      const ratio_terms t{count, open_length, inverse_window, at.shifts[s], at.squared_deviations[s]};
      const double deviations = window.rounded_deviations(inverse_window);
      const double ratio = ratio_of_terms(recent_term(t, deviations), total_term(t, open));
      ratios[s] = ratio;
      below += one_if(ratio < threshold);
      trusted += one_if(are_trusted(deviations, at.renewed_squares[s] + open.sum_of_squares));
    }
    if (trusted == length) {
      return static_cast<std::size_t>(below);
    }
    renew_untrusted(clock);
    return take_ratios(clock, threshold, ratios);
  }

  template <std::size_t... Steps>
  bool observe_group(const segment_clock& clock, const group_of_rows& shown,
                     std::index_sequence<Steps...>) noexcept {
    constexpr std::size_t size = sizeof...(Steps);
    const std::array<const T*, size> values{shown.values + Steps * shown.stride...};
    const std::array<T*, size> ring{&ring_(clock.begin() + clock.offset() + Steps, 0)...};
    const double inverse_window = 1.0 / static_cast<double>(clock.window());
    const auto first_count = static_cast<double>(clock.count() + 1);
    const auto last_count = static_cast<double>(clock.count() + size);
    const auto open_length = static_cast<double>(clock.offset() + size);
    const double threshold = shown.threshold;
    const double* const first_stops = shown.first_stops;
    const row_pointers at = pointers();
    number_row sums_before;
    number_row squares_before;
    number_row open_sums_before;
    number_row open_squares_before;
    std::uint64_t plain = 0;
    const std::size_t length = series();
    DVAR_INDEPENDENT_LOOP
    for (std::size_t s = 0; s < length; ++s) {
      moments window{at.sums[s], at.squares[s]};
      moments open{at.open_sums[s], at.open_squares[s]};
      sums_before[s] = window.sum;
      squares_before[s] = window.sum_of_squares;
      open_sums_before[s] = open.sum;
      open_squares_before[s] = open.sum_of_squares;
      double deviations = 0.0;
      double least = std::numeric_limits<double>::infinity();
      const auto step = [&](std::size_t i) {
        const double entering = static_cast<double>(values[i][s]) - at.pivots[s];
        window.replace(static_cast<double>(ring[i][s]) - at.pivots[s], entering);
        open.add(entering);
        deviations = window.rounded_deviations(inverse_window);
        least = deviations < least ? deviations : least;
      };
      (step(Steps), ...);
      at.sums[s] = window.sum;
      at.squares[s] = window.sum_of_squares;
      at.open_sums[s] = open.sum;
      at.open_squares[s] = open.sum_of_squares;
      // What went into the sums, the total and the number of observations only grow: what holds for the last total
      // and the least variance holds after each step. A NaN stays in the sums until the last step.
      const double largest = at.renewed_squares[s] + open.sum_of_squares;
      double is_plain = are_trusted(least, largest) ? 1.0 : 0.0;
      is_plain = are_trusted(deviations, largest) ? is_plain : 0.0;
      const double total =
          total_term({last_count, open_length, inverse_window, at.shifts[s], at.squared_deviations[s]}, open);
      const double recent = recent_term({.count = first_count, .inverse_window = inverse_window}, least);
      const double may_stop = may_be_below(recent, total, threshold) ? 1.0 : 0.0;
      is_plain = may_stop > first_stops[s] ? 0.0 : is_plain;
      plain += one_if(is_plain > 0.0);
    }
    if (plain == length) {
      (std::copy_n(values[Steps], length, ring[Steps]), ...);
      return true;
    }
    std::copy_n(sums_before.data(), length, at.sums);
    std::copy_n(squares_before.data(), length, at.squares);
    std::copy_n(open_sums_before.data(), length, at.open_sums);
    std::copy_n(open_squares_before.data(), length, at.open_squares);
    return false;
  }

  [[gnu::noinline]] void renew_untrusted(const segment_clock& clock) noexcept {
    const double inverse_window = 1.0 / static_cast<double>(clock.window());
    for (std::size_t s = 0; s < series(); ++s) {
      if (!are_trusted(window_sums(s).rounded_deviations(inverse_window),
                       numbers_(renewed_squares, s) + numbers_(open_squares, s))) {
        renew_sums(clock, s);
      }
    }
  }

  /// `rolling_variance::renew_sums` of one series in the midst of a segment.
  void renew_sums(const segment_clock& clock, std::size_t s) noexcept {
    const double about = numbers_(pivot, s);
    moments all = open_sums(s);
    for (std::size_t segment = 0; segment < clock.segments(); ++segment) {
      if (segment != clock.segment()) {
        const moments closed{closed_(3 * segment + 1, s), closed_(3 * segment + 2, s)};
        all =
            all + closed.shifted(static_cast<double>(clock.length(segment)), closed_(3 * segment, s) - about);
      }
    }
    moments left;
    for (std::size_t i = clock.begin() + clock.offset(); i < clock.end(); ++i) {
      left.add(static_cast<double>(ring_(i, s)) - about);
    }
    all = all + left;
    numbers_(sum, s) = all.sum;
    numbers_(squares, s) = numbers_(renewed_squares, s) = all.sum_of_squares;
  }

  [[nodiscard]] chunk_rows closed(std::size_t segment) noexcept {
    return {&closed_(3 * segment, 0), &closed_(3 * segment + 1, 0), &closed_(3 * segment + 2, 0)};
  }

  void close(const segment_clock& clock, const segment_clock::step& now) noexcept {
    const chunk_rows full = closed(now.segment);
    const pooled_rows history{row(origin), row(offset), row(squared_deviations)};
    const auto count = static_cast<double>(now.length);
    summarise_rows(now, full);
    fold_rows(full, count, static_cast<double>(clock.count() - now.length), history, series());
    open_rows(full, count, history, row(pivot), row(shift), series());
    std::fill_n(row(open_sum), series(), 0.0);
    std::fill_n(row(open_squares), series(), 0.0);
    if (clock.full()) {
      renew_all_sums(clock);
    }
  }

  /// The open chunk's sums where they can be trusted, or else `rolling_variance::summarise`.
  void summarise_rows(const segment_clock::step& now, const chunk_rows& full) noexcept {
    const double inverse_length = 1.0 / static_cast<double>(now.length);
    std::copy_n(row(pivot), series(), full.pivots);
    std::copy_n(row(open_sum), series(), full.sums);
    std::copy_n(row(open_squares), series(), full.squares);
    for (std::size_t s = 0; s < series(); ++s) {
      const moments open = open_sums(s);
      if (!are_trusted(open.rounded_deviations(inverse_length), open.sum_of_squares)) {
        const chunk again = detail::summarise(&ring_(now.begin, s), ring_.shape(1), now.length);
        full.pivots[s] = again.pivot;
        full.sums[s] = again.about_pivot.sum;
        full.squares[s] = again.about_pivot.sum_of_squares;
      }
    }
  }

  /// `rolling_variance::renew_sums` when nothing of the next segment has been overwritten.
  void renew_all_sums(const segment_clock& clock) noexcept {
    double* const sums = row(sum);
    double* const window_squares = row(squares);
    std::fill_n(sums, series(), 0.0);
    std::fill_n(window_squares, series(), 0.0);
    for (std::size_t segment = 0; segment < clock.segments(); ++segment) {
      add_shifted_rows(closed(segment), static_cast<double>(clock.length(segment)), row(pivot), sums,
                       window_squares, series());
    }
    std::copy_n(window_squares, series(), row(renewed_squares));
  }

  std::size_t series_;
  aligned<T> ring_;
  doubles closed_;  // pivot, sum, sum of squares of each segment
  doubles numbers_;
};

}  // namespace dvar::detail
