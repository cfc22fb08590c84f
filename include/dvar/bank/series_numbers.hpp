#pragma once

#include <array>
#include <cstddef>

#include <dvar/bank/aligned_allocator.hpp>
#include <dvar/bank/lanes.hpp>
#include <dvar/detail/moments.hpp>

/// \file
/// Lays out the numbers of `series_store`: eight series fill a cache line of each, whatever a vector of the
/// target takes, and all numbers of eight series lie together, so that a step reads memory from one end to
/// the other.

namespace dvar::inline v0_2::detail::inline DVAR_LANES {

/// Holds a number of each of eight series.
struct alignas(vector_bytes) octet : std::array<double, vector_bytes / sizeof(double)> {
  static constexpr std::size_t length = vector_bytes / sizeof(double);

  /// Returns the number of series `s`, one of the eight.
  [[nodiscard]] double& of(std::size_t s) noexcept { return (*this)[s % length]; }
  [[nodiscard]] double of(std::size_t s) const noexcept { return (*this)[s % length]; }

  /// Returns the numbers of `lanes::count` series from `first` on, which is a multiple of that.
  [[nodiscard]] lanes get(std::size_t first) const noexcept { return lanes::load(data() + first % length); }
  void set(std::size_t first, lanes numbers) noexcept { numbers.store(data() + first % length); }
};

/// Holds what each series has once: nearly every step reads the first nine, and writes four of them.
struct series_numbers {
  octet pivot{};               ///< is what the sums are about
  octet sum{};                 ///< goes over the window
  octet squares{};             ///< goes over the window
  octet renewed_squares{};     ///< is `squares` when they were last added up anew
  octet open_sum{};            ///< goes over the new values of the open segment
  octet open_squares{};        ///< goes over the new values of the open segment
  octet shift{};               ///< goes from the mean of all closed segments to the pivot
  octet squared_deviations{};  ///< are those of all closed segments from their mean
  octet first_stop{};          ///< is the observation, from 1, or 0; exact up to 2^53
  octet origin{};              ///< is as in `pooled_moments`
  octet offset{};              ///< is as in `pooled_moments`

  /// Lists the members that may be any number.
  static constexpr std::array reals{&series_numbers::pivot,
                                    &series_numbers::sum,
                                    &series_numbers::squares,
                                    &series_numbers::renewed_squares,
                                    &series_numbers::open_sum,
                                    &series_numbers::open_squares,
                                    &series_numbers::origin,
                                    &series_numbers::offset,
                                    &series_numbers::squared_deviations,
                                    &series_numbers::shift};
};

/// Holds what each series has of every segment.
struct segment_numbers {
  octet pivot{};
  octet sum{};
  octet squares{};

  static constexpr std::array reals{&segment_numbers::pivot, &segment_numbers::sum,
                                    &segment_numbers::squares};
};

/// Holds the sums of the window and of the open segment as they change, of `lanes::count` series from
/// `first` on.
struct running_sums {
  lanes pivot;
  basic_moments<lanes> window;
  basic_moments<lanes> open;

  running_sums(const series_numbers& numbers, std::size_t first) noexcept
      : pivot(numbers.pivot.get(first)),
        window{numbers.sum.get(first), numbers.squares.get(first)},
        open{numbers.open_sum.get(first), numbers.open_squares.get(first)} {}

  void replace(lanes leaving, lanes entering) noexcept {
    const lanes deviation = entering - pivot;
    window.replace(leaving - pivot, deviation);
    open.add(deviation);
  }

  void put_back(series_numbers& numbers, std::size_t first) const noexcept {
    numbers.sum.set(first, window.sum);
    numbers.squares.set(first, window.sum_of_squares);
    numbers.open_sum.set(first, open.sum);
    numbers.open_squares.set(first, open.sum_of_squares);
  }
};

}  // namespace dvar::inline v0_2::detail::inline DVAR_LANES
