#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace dvar::detail {

/// Into how many segments `rolling_variance` cuts a window of N: about sqrt(N) / 5. Closing one costs as much
/// as its length, about 5 sqrt(N), and a little for each of the others, once in as many observations.
inline std::size_t segment_count(std::size_t window) noexcept {
  const auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(window)));
  return std::max<std::size_t>(2, root / 5);
}

/// Where segment `index` of `count` begins in a window: the first `window mod count` are one longer than the
/// rest.
constexpr std::size_t segment_boundary(std::size_t window, std::size_t count, std::size_t index) noexcept {
  return index * (window / count) + std::min(index, window % count);
}

/// The least whole number of vectors (of eight) that holds `length` numbers.
constexpr std::size_t whole_vectors(std::size_t length) noexcept {
  return (length + 7) / 8 * 8;
}

}  // namespace dvar::detail
