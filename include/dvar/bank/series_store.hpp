#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

#include <dvar/bank/aligned_allocator.hpp>
#include <dvar/bank/lanes.hpp>
#include <dvar/bank/segment_clock.hpp>
#include <dvar/bank/series_numbers.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/xtensor.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2::detail::inline DVAR_LANES {

/// Keeps the memory of a `series_block`: the last N values of each series, and its numbers. What is left of
/// the last vectors stays 0.
template <class T>
class series_store {
 public:
  /// Counts the series that lie together in the ring: of floats, a cache line of them.
  static constexpr std::size_t strip = vector_bytes / sizeof(float);

  series_store(const segment_clock& clock, std::size_t series)
      : series_(series),
        window_(clock.window()),
        segments_(clock.segments()),
        ring_(std::array<std::size_t, 3>{rounded_up(series, strip) / strip, window_, strip}, T{}),
        numbers_(rounded_up(series, octet::length) / octet::length),
        closed_(numbers_.size() * segments_) {}

  [[nodiscard]] std::size_t series() const noexcept { return series_; }
  [[nodiscard]] std::size_t segments() const noexcept { return segments_; }

  /// Returns where the ring keeps a value of series `s`. The values of the following series come next, up to
  /// the end of its strip, and then those of the next position.
  [[nodiscard]] T* ring(std::size_t position, std::size_t s) noexcept {
    return ring_.data() + place(position, s);
  }
  [[nodiscard]] const T* ring(std::size_t position, std::size_t s) const noexcept {
    return ring_.data() + place(position, s);
  }

  /// Writes the values of `lanes::count` series.
  static void put(T* ring, const T* values) noexcept { std::memcpy(ring, values, lanes::count * sizeof(T)); }

  /// Returns the numbers of series `s` and of its seven neighbors.
  [[nodiscard]] series_numbers& at(std::size_t s) noexcept { return numbers_[s / octet::length]; }
  [[nodiscard]] const series_numbers& at(std::size_t s) const noexcept { return numbers_[s / octet::length]; }

  [[nodiscard]] segment_numbers& closed(std::size_t segment, std::size_t s) noexcept {
    return closed_[s / octet::length * segments_ + segment];
  }
  [[nodiscard]] const segment_numbers& closed(std::size_t segment, std::size_t s) const noexcept {
    return closed_[s / octet::length * segments_ + segment];
  }

  [[nodiscard]] moments open_sums(std::size_t s) const noexcept {
    return {at(s).open_sum.of(s), at(s).open_squares.of(s)};
  }

  void reset() noexcept {
    std::fill_n(ring_.data(), ring_.size(), T{});
    std::fill(numbers_.begin(), numbers_.end(), series_numbers{});
    std::fill(closed_.begin(), closed_.end(), segment_numbers{});
  }

  /// Shows the archive the numbers of all series, those that only fill the last vectors left out.
  static void state(auto& self, auto& archive) {
    for (std::size_t position = 0; position < self.window_; ++position)
      for (std::size_t s = 0; s < self.series_; ++s)
        archive(*self.ring(position, s));
    for (std::size_t segment = 0; segment < self.segments_; ++segment)
      for (const auto which : segment_numbers::reals)
        for (std::size_t s = 0; s < self.series_; ++s)
          archive((self.closed(segment, s).*which).of(s));
    for (const auto which : series_numbers::reals)
      for (std::size_t s = 0; s < self.series_; ++s)
        archive((self.at(s).*which).of(s));
    for (std::size_t s = 0; s < self.series_; ++s)
      archive.whole(self.at(s).first_stop.of(s));
  }

 private:
  static constexpr std::size_t rounded_up(std::size_t count, std::size_t unit) noexcept {
    return (count + unit - 1) / unit * unit;
  }

  [[nodiscard]] std::size_t place(std::size_t position, std::size_t s) const noexcept {
    return (s / strip * window_ + position) * strip + s % strip;
  }

  std::size_t series_;
  std::size_t window_;
  std::size_t segments_;
  xt::xtensor<T, 3, XTENSOR_DEFAULT_LAYOUT, aligned_allocator<T>> ring_;  // [strips, window, strip]
  std::vector<series_numbers> numbers_;                                   // of every eight series
  std::vector<segment_numbers> closed_;  // of every eight series, of each segment
};

}  // namespace dvar::inline v0_2::detail::inline DVAR_LANES
