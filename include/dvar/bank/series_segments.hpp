#pragma once

#include <cstddef>

#include <dvar/bank/lanes.hpp>
#include <dvar/bank/segment_clock.hpp>
#include <dvar/bank/series_numbers.hpp>
#include <dvar/bank/series_store.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/pooled_moments.hpp>
#include <dvar/detail/segments.hpp>

/// \file
/// Does for the series of a store what `rolling_variance` and `pooled_moments` do where a segment ends or
/// sums cannot be trusted any more. `clock` tells where the series stand; `first` is the first of
/// `lanes::count` of them.

namespace dvar::inline v0_2::detail::inline DVAR_LANES {

/// Makes the sums of series `s` anew in the midst of a segment, as `rolling_variance::renew_sums`.
template <class T>
void renew_sums(series_store<T>& store, const segment_clock& clock, std::size_t s) noexcept {
  series_numbers& numbers = store.at(s);
  const double about = numbers.pivot.of(s);
  moments all = store.open_sums(s);
  for (std::size_t segment = 0; segment < store.segments(); ++segment) {
    if (segment != clock.segment()) {
      const segment_numbers& full = store.closed(segment, s);
      all = all + moments{full.sum.of(s), full.squares.of(s)}.shifted(
                      static_cast<double>(clock.length(segment)), full.pivot.of(s) - about);
    }
  }
  moments left;
  for (std::size_t i = clock.begin() + clock.offset(); i < clock.end(); ++i)
    left.add(static_cast<double>(*store.ring(i, s)) - about);
  all = all + left;
  numbers.sum.of(s) = all.sum;
  numbers.squares.of(s) = numbers.renewed_squares.of(s) = all.sum_of_squares;
}

/// Makes the sums of `lanes::count` series anew when nothing of the next segment has been overwritten.
template <class T>
void renew_all_sums(series_store<T>& store, const segment_clock& clock, std::size_t first) noexcept {
  series_numbers& numbers = store.at(first);
  const lanes about = numbers.pivot.get(first);
  basic_moments<lanes> all;
  for (std::size_t segment = 0; segment < store.segments(); ++segment) {
    const segment_numbers& full = store.closed(segment, first);
    all = all + basic_moments<lanes>{full.sum.get(first), full.squares.get(first)}.shifted(
                    static_cast<double>(clock.length(segment)), full.pivot.get(first) - about);
  }
  numbers.sum.set(first, all.sum);
  numbers.squares.set(first, all.sum_of_squares);
  numbers.renewed_squares.set(first, all.sum_of_squares);
}

/// Returns the open segment's sums where they can be trusted, or else those of `summarize`.
template <class T>
basic_chunk<lanes> summarize_open(const series_store<T>& store, const segment_clock::step& now,
                                  std::size_t first) noexcept {
  const running_sums sums(store.at(first), first);
  basic_chunk<lanes> open{static_cast<double>(now.length), sums.pivot, sums.open};
  const lane_mask trusted =
      are_trusted(sums.open.rounded_deviations(1.0 / open.length), sums.open.sum_of_squares);
  for (std::size_t i = 0; i < lanes::count; ++i) {
    if (!trusted[i]) {
      const chunk again = summarize(store.ring(now.begin, first + i), series_store<T>::strip, now.length);
      open.pivot.set(i, again.pivot);
      open.about_pivot.sum.set(i, again.about_pivot.sum);
      open.about_pivot.sum_of_squares.set(i, again.about_pivot.sum_of_squares);
    }
  }
  return open;
}

/// Closes the open segment, as `rolling_variance::close_segment`, and adds it to the total.
template <class T>
void close_segment(series_store<T>& store, const segment_clock& clock, const segment_clock::step& now,
                   std::size_t first) noexcept {
  series_numbers& numbers = store.at(first);
  const basic_chunk<lanes> full = summarize_open(store, now, first);
  segment_numbers& kept = store.closed(now.segment, first);
  kept.pivot.set(first, full.pivot);
  kept.sum.set(first, full.about_pivot.sum);
  kept.squares.set(first, full.about_pivot.sum_of_squares);

  basic_pooled_moments<lanes> history(
      static_cast<double>(clock.count() - now.length),
      {numbers.origin.get(first), numbers.offset.get(first), numbers.squared_deviations.get(first)});
  history.add(full);
  numbers.origin.set(first, history.kept().origin);
  numbers.offset.set(first, history.kept().offset);
  numbers.squared_deviations.set(first, history.kept().squared_deviations);

  const lanes pivot = full.pivot + full.about_pivot.sum / full.length;
  numbers.pivot.set(first, pivot);
  numbers.shift.set(first, history.distance(pivot));
  numbers.open_sum.set(first, 0.0);
  numbers.open_squares.set(first, 0.0);
  if (clock.full()) renew_all_sums(store, clock, first);
}

}  // namespace dvar::inline v0_2::detail::inline DVAR_LANES
