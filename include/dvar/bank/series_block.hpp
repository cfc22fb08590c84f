#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>

#include <dvar/bank/aligned_allocator.hpp>
#include <dvar/bank/lanes.hpp>
#include <dvar/bank/segment_clock.hpp>
#include <dvar/bank/series_numbers.hpp>
#include <dvar/bank/series_segments.hpp>
#include <dvar/bank/series_store.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/ratio_terms.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2::detail::inline DVAR_LANES {

/// Takes up to `most_series` series through `rolling_variance`, `pooled_moments` and `variance_ratio` side
/// by side.
///
/// As many series as a vector has lanes take their steps together, by what the single rule is made of: the
/// same operations in the same order, hence the same bits. Where series part ways, as when the sums of some
/// are to be added up anew, these are taken by themselves.
template <class T>
class series_block {
 public:
  /// Is so small that what a group of observations touches stays in the nearest cache.
  static constexpr std::size_t most_series = 128;

  /// Returns how many of the next `most` observations `observe_group` takes: a few sizes, or 0.
  static constexpr std::size_t group_size(std::size_t most) noexcept {
    return most >= largest_group ? largest_group : most >= 4 ? 4 : most >= 2 ? 2 : 0;
  }

  /// Says what series are shown, and where their ratios go.
  struct view {
    std::size_t first;   ///< is the number of the first
    const T* values;     ///< [observations, series], rows `stride` apart
    std::size_t stride;  ///< goes from row to row, in values
    double* ratios;      ///< [series], not finite where there is none

    [[nodiscard]] const T* row(std::size_t observation) const noexcept {
      return values + observation * stride;
    }
  };

  /// Begins without an observation; here and below, `clock` tells where all series stand.
  series_block(const segment_clock& clock, std::size_t series, double threshold)
      : store_(clock, series),
        inverse_window_(1.0 / static_cast<double>(clock.window())),
        threshold_(threshold) {}

  [[nodiscard]] std::size_t series() const noexcept { return store_.series(); }

  /// Takes a value of each series; `now` is what `clock` did to come where it is. Once the windows are full it writes
  /// the ratios, notes first stops, and returns how many series stop.
  std::size_t observe(const segment_clock& clock, const segment_clock::step& now,
                      const view& shown) noexcept {
    if (clock.full() && !now.closes) return observe_inside(clock, now.position, shown);
    lanes stops = 0.0;
    for_all(shown, [&](const view& here) {
      series_numbers& numbers = store_.at(here.first);
      store_.put(store_.ring(now.position, here.first), here.values);
      if (now.only_pivot) {
        numbers.pivot.set(here.first, lanes::load(here.values));
        return;
      }
      running_sums sums(numbers, here.first);
      sums.open.add(lanes::load(here.values) - sums.pivot);
      sums.put_back(numbers, here.first);
      if (now.closes) close_segment(store_, clock, now, here.first);
      if (clock.full()) stops += take_ratios(clock, here);
    });
    return sum_of(stops);
  }

  /// Takes the next `size` values of each series and notes first stops, without all ratios. `more` tells
  /// whether as many rows of values follow these. Precondition: the windows are full, `size` is a
  /// `group_size` and at most `clock.room()`, and the clock has not yet advanced.
  void observe_group(const segment_clock& clock, const view& shown, std::size_t size, bool more) noexcept {
    switch (size) {
      case largest_group:
        return observe_group(clock, shown, more, std::make_index_sequence<largest_group>{});
      case 4:
        return observe_group(clock, shown, more, std::make_index_sequence<4>{});
      default:
        return observe_group(clock, shown, more, std::make_index_sequence<2>{});
    }
  }

  /// Returns the sums of the last N values of series `s` about its pivot. They mean something once the
  /// windows are full.
  [[nodiscard]] moments window_sums(std::size_t s) const noexcept {
    return {store_.at(s).sum.of(s), store_.at(s).squares.of(s)};
  }

  /// Returns the sums of all values of series `s` about the mean of those in closed segments.
  [[nodiscard]] moments total_sums(const segment_clock& clock, std::size_t s) const noexcept {
    moments all = store_.open_sums(s).shifted(static_cast<double>(clock.offset()), store_.at(s).shift.of(s));
    all.sum_of_squares += store_.at(s).squared_deviations.of(s);
    return all;
  }

  /// Returns the observation, from 1, at which series `s` stopped first, or 0.
  [[nodiscard]] double first_stop(std::size_t s) const noexcept { return store_.at(s).first_stop.of(s); }

  void reset() noexcept { store_.reset(); }
  static void state(auto& self, auto& archive) { archive(self.store_); }

 private:
  static constexpr std::size_t largest_group = 8;
  static constexpr std::size_t strip = series_store<T>::strip;

  static constexpr bool begins_line(std::size_t s) noexcept { return s * sizeof(T) % vector_bytes == 0; }

  static std::size_t sum_of(lanes counts) noexcept {
    octet each;
    counts.store(each.data());
    return static_cast<std::size_t>(std::accumulate(each.begin(), each.begin() + lanes::count, 0.0));
  }

  /// Calls `f` for every whole vector of `lanes::count` series.
  template <class F>
  void for_whole(const view& shown, F f) const noexcept {
    const std::size_t length = series();
    for (std::size_t first = 0; first + lanes::count <= length; first += lanes::count)
      f(view{first, shown.values + first, shown.stride, shown.ratios + first});
  }

  /// Calls `f` for the series that fill no whole vector, if there are any; `observations` is how many values
  /// they are shown. After the last series the rows go on with zeros, of which only zeros come.
  template <class F>
  void for_rest(const view& shown, std::size_t observations, F f) const noexcept {
    const std::size_t left = series() % lanes::count;
    if (left > 0) {
      const std::size_t first = series() - left;
      std::array<T, largest_group * lanes::count> values{};
      octet ratios{};
      for (std::size_t n = 0; n < observations; ++n)
        std::copy_n(shown.row(n) + first, left, &values[n * lanes::count]);
      std::copy_n(shown.ratios + first, left, ratios.data());
      f(view{first, values.data(), lanes::count, ratios.data()});
      std::copy_n(ratios.data(), left, shown.ratios + first);
    }
  }

  template <class F>
  void for_all(const view& shown, F f) const noexcept {
    for_whole(shown, f);
    for_rest(shown, 1, f);
  }

  /// Returns what the ratios of all series have in common.
  [[nodiscard]] ratio_terms common_terms(const segment_clock& clock) const noexcept {
    return {.count = static_cast<double>(clock.count()),
            .open_length = static_cast<double>(clock.offset()),
            .inverse_window = inverse_window_};
  }

  static basic_ratio_terms<lanes> terms(const ratio_terms& common, const series_numbers& numbers,
                                        std::size_t first) noexcept {
    return {.count = common.count,
            .open_length = common.open_length,
            .inverse_window = common.inverse_window,
            .shift = numbers.shift.get(first),
            .squared_deviations = numbers.squared_deviations.get(first)};
  }

  /// Puts values in the place of others, and returns the sums, which may have to be added up anew.
  running_sums replace(T* overwritten, const view& here) noexcept {
    series_numbers& numbers = store_.at(here.first);
    running_sums sums(numbers, here.first);
    sums.replace(lanes::load(overwritten), lanes::load(here.values));
    sums.put_back(numbers, here.first);
    store_.put(overwritten, here.values);
    return sums;
  }

  /// Takes a value of each series, as in most steps, in one pass; it is made again where sums are not to be
  /// trusted or a series stops for the first time.
  [[gnu::flatten]] std::size_t observe_inside(const segment_clock& clock, std::size_t position,
                                              const view& shown) noexcept {
    // Read once: for all that compilers know, storing a vector may change any number of this object.
    const ratio_terms common = common_terms(clock);
    const double threshold = threshold_;
    lanes stops = 0.0;
    lanes unsettled = 0.0;
    for_all(shown, [&](const view& here) {
      const series_numbers& numbers = store_.at(here.first);
      T* const overwritten = store_.ring(position, here.first);
      if (begins_line(here.first)) {
        // Processors do not foresee the next row of so many strips.
        __builtin_prefetch(overwritten + strip, 0, 2);
      }
      const running_sums sums = replace(overwritten, here);
      const basic_ratio_terms<lanes> t = terms(common, numbers, here.first);
      const lanes deviations = sums.window.rounded_deviations(common.inverse_window);
      const lanes ratios = ratio_of_terms(recent_term(t, deviations), total_term(t, sums.open));
      ratios.store(here.ratios);
      const lanes stop = lanes::ones(ratios < threshold);
      const lanes largest = numbers.renewed_squares.get(here.first) + sums.open.sum_of_squares;
      stops += stop;
      unsettled += lanes::ones(numbers.first_stop.get(here.first) < stop);
      unsettled += lanes::ones(!are_trusted(deviations, largest));
    });
    if (any(unsettled > 0.0)) {
      stops = 0.0;
      for_all(shown, [&](const view& here) { stops += settle(clock, here); });
    }
    return sum_of(stops);
  }

  /// Adds up anew what cannot be trusted any more, and takes the ratios once more.
  [[gnu::noinline]] lanes settle(const segment_clock& clock, const view& here) noexcept {
    const series_numbers& numbers = store_.at(here.first);
    const running_sums sums(numbers, here.first);
    const lanes largest = numbers.renewed_squares.get(here.first) + sums.open.sum_of_squares;
    const lane_mask trusted = are_trusted(sums.window.rounded_deviations(inverse_window_), largest);
    for (std::size_t i = 0; i < lanes::count; ++i)
      if (!trusted[i]) renew_sums(store_, clock, here.first + i);
    return take_ratios(clock, here);
  }

  /// Writes the ratios by sums that can be trusted, notes first stops, and returns 1 where a series stops.
  lanes take_ratios(const segment_clock& clock, const view& here) noexcept {
    series_numbers& numbers = store_.at(here.first);
    const running_sums sums(numbers, here.first);
    const basic_ratio_terms<lanes> t = terms(common_terms(clock), numbers, here.first);
    const lanes total = total_term(t, sums.open);
    // While the window is all there is, the ratio is 1 without any rounding, or 0/0.
    const lanes recent = clock.count() == clock.window()
                             ? total
                             : recent_term(t, sums.window.squared_deviations(inverse_window_));
    const lanes ratios = ratio_of_terms(recent, total);
    ratios.store(here.ratios);
    const lanes stop = lanes::ones(ratios < threshold_);
    const lanes before = numbers.first_stop.get(here.first);
    numbers.first_stop.set(here.first, select(before < stop, t.count, before));
    return stop;
  }

  template <std::size_t... Index>
  [[gnu::flatten]] void observe_group(const segment_clock& clock, const view& shown, bool more,
                                      std::index_sequence<Index...> steps) noexcept {
    constexpr std::size_t size = sizeof...(Index);
    // Read once: for all that compilers know, storing a vector may change any number of this object.
    const ratio_terms before = common_terms(clock);
    const double threshold = threshold_;
    const std::size_t to_next_values = more ? size * shown.stride : 0;
    const std::size_t to_next_ring = clock.room() >= 2 * size ? size * strip : 0;
    for_whole(shown, [&](const view& here) {
      T* const overwritten = store_.ring(clock.begin() + clock.offset(), here.first);
      if (begins_line(here.first)) {
        // The rows of the next group lie too far apart for processors to foresee them.
        (__builtin_prefetch(here.row(Index) + to_next_values, 0, 2), ...);
        (__builtin_prefetch(overwritten + Index * strip + to_next_ring, 0, 2), ...);
      }
      if (!add_without_stops(before, overwritten, here, threshold, steps))
        observe_one_by_one(clock, here, size);
    });
    for_rest(shown, size, [&](const view& here) { observe_one_by_one(clock, here, size); });
  }

  /// Takes some observations, without their ratios, if sums are trusted throughout and no series stops that
  /// has not stopped before. If not, returns false and changes nothing.
  template <std::size_t... Index>
  bool add_without_stops(const ratio_terms& before, T* overwritten, const view& here, double threshold,
                         std::index_sequence<Index...>) noexcept {
    series_numbers& numbers = store_.at(here.first);
    running_sums sums(numbers, here.first);
    lanes least = std::numeric_limits<double>::infinity();
    const auto step = [&](std::size_t i) {
      sums.replace(lanes::load(overwritten + i * strip), lanes::load(here.row(i)));
      const lanes deviations = sums.window.rounded_deviations(before.inverse_window);
      least = select(least < deviations, least, deviations);
    };
    (step(Index), ...);
    // What went into the sums, the total and the number of observations only grow: what holds for the last total
    // and the least variance holds after each step. A NaN stays in the sums until the last step, and is the least.
    const lanes largest = numbers.renewed_squares.get(here.first) + sums.open.sum_of_squares;
    basic_ratio_terms<lanes> t = terms(before, numbers, here.first);
    t.open_length += static_cast<double>(sizeof...(Index));
    t.count = before.count + static_cast<double>(sizeof...(Index));
    const lanes total = total_term(t, sums.open);
    t.count = before.count + 1.0;
    const lanes may_stop = lanes::ones(may_be_below(recent_term(t, least), total, threshold));
    if (any((numbers.first_stop.get(here.first) < may_stop) | !are_trusted(least, largest))) return false;
    sums.put_back(numbers, here.first);
    (store_.put(overwritten + Index * strip, here.row(Index)), ...);
    return true;
  }

  [[gnu::noinline]] void observe_one_by_one(segment_clock clock, view here, std::size_t steps) noexcept {
    for (std::size_t i = 0; i < steps; ++i, here.values += here.stride) {
      replace(store_.ring(clock.advance().position, here.first), here);
      settle(clock, here);
    }
  }

  series_store<T> store_;
  double inverse_window_;
  double threshold_;
};

}  // namespace dvar::inline v0_2::detail::inline DVAR_LANES
