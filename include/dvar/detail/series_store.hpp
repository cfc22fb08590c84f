#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

#include <dvar/detail/aligned_allocator.hpp>
#include <dvar/detail/lanes.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/segment_clock.hpp>
#include <dvar/detail/series_numbers.hpp>
#include <dvar/detail/xtensor.hpp>
#include <dvar/state.hpp>

namespace dvar::detail {

/// The memory of a `series_block`: the last N values of each series, and its numbers. What is left of the last vectors
/// stays 0.
template <class T>
class series_store {
 public:
  /// So many series lie together in the ring: of floats, a cache line of them.
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

  /// Where the ring keeps a value of series `s`; those of the following series come next, up to the end of its strip,
  /// and then those of the next position.
  [[nodiscard]] T* ring(std::size_t position, std::size_t s) noexcept {
    return ring_.data() + place(position, s);
  }
  [[nodiscard]] const T* ring(std::size_t position, std::size_t s) const noexcept {
    return ring_.data() + place(position, s);
  }

  /// Writes the values of `lanes::count` series.
  static void put(T* ring, const T* values) noexcept { std::memcpy(ring, values, lanes::count * sizeof(T)); }

  /// The numbers of series `s`, and of its seven neighbours.
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

  void save(state_writer& out) const {
    for_each_real(*this, [&out](const auto& number) { out.write_real(static_cast<double>(number)); });
    for (std::size_t s = 0; s < series_; ++s)
      out.write_real(at(s).first_stop.of(s));
  }

  void load(state_reader& in) {
    for_each_real(
        *this, [&in](auto& number) { number = static_cast<std::decay_t<decltype(number)>>(in.read_real()); });
    for (std::size_t s = 0; s < series_; ++s)
      at(s).first_stop.of(s) = in.read_real_count();
  }

 private:
  static constexpr std::size_t rounded_up(std::size_t count, std::size_t unit) noexcept {
    return (count + unit - 1) / unit * unit;
  }

  [[nodiscard]] std::size_t place(std::size_t position, std::size_t s) const noexcept {
    return (s / strip * window_ + position) * strip + s % strip;
  }

  template <class Self, class F>
  static void for_each_real(Self& self, F f) {
    const auto for_each_series = [&](auto number_of) {
      for (std::size_t s = 0; s < self.series_; ++s)
        f(number_of(s));
    };
    for (std::size_t position = 0; position < self.window_; ++position)
      for_each_series([&](std::size_t s) -> auto& { return *self.ring(position, s); });
    for (std::size_t segment = 0; segment < self.segments_; ++segment) {
      for (const auto which : segment_numbers::reals) {
        for_each_series(
            [&](std::size_t s) -> auto& { return (self.closed(segment, s).*which)[s % octet::length]; });
      }
    }
    for (const auto which : series_numbers::reals)
      for_each_series([&](std::size_t s) -> auto& { return (self.at(s).*which)[s % octet::length]; });
  }

  std::size_t series_;
  std::size_t window_;
  std::size_t segments_;
  xt::xtensor<T, 3, XTENSOR_DEFAULT_LAYOUT, aligned_allocator<T>> ring_;  // [strips, window, strip]
  std::vector<series_numbers> numbers_;                                   // of every eight series
  std::vector<segment_numbers> closed_;  // of every eight series, of each segment
};

}  // namespace dvar::detail
