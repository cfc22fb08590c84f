#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include <dvar/detail/finite.hpp>
#include <dvar/detail/moments.hpp>

namespace dvar::inline v0_2::detail {

/// Returns into how many segments `rolling_variance` cuts a window of N: about sqrt(N) / 5. Closing one costs
/// a little for each of the others, once in about 5 sqrt(N) observations.
inline std::size_t segment_count(std::size_t window) noexcept {
  const auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(window)));
  return std::max<std::size_t>(2, root / 5);
}

/// Returns where segment `index` of `count` begins in a window: the first `window mod count` are one longer
/// than the rest.
constexpr std::size_t segment_boundary(std::size_t window, std::size_t count, std::size_t index) noexcept {
  return index * (window / count) + std::min(index, window % count);
}

/// Adds up `count` values, `stride` apart, in four lanes that do not wait for each other. The pivot is the first of
/// them: whatever stands elsewhere in the window costs this sum no digits.
template <class T>
chunk summarize(const T* values, std::size_t stride, std::size_t count) noexcept {
  const auto pivot = static_cast<double>(values[0]);
  std::array<moments, 4> lanes;
  const auto add = [&](std::size_t lane, std::size_t i) {
    lanes[lane].add(unknown(static_cast<double>(values[i * stride])) - pivot);
  };
  std::size_t i = 0;
  for (; i + lanes.size() <= count; i += lanes.size())
    for (std::size_t lane = 0; lane < lanes.size(); ++lane)
      add(lane, i + lane);
  for (; i < count; ++i)
    add(0, i);
  return {.length = static_cast<double>(count),
          .pivot = pivot,
          .about_pivot = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])};
}

}  // namespace dvar::inline v0_2::detail
