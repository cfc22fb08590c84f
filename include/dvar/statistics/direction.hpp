#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <dvar/detail/finite.hpp>

namespace dvar::inline v0_2 {

/// Which way is better. No rule assumes one: a loss is minimized, a score is maximized, and whoever constructs
/// the rule says which it is.
enum class direction : std::uint8_t { minimize, maximize };

/// The names of the directions in texts.
constexpr std::array<std::string_view, 2> enumerator_names(direction) {
  return {"minimize", "maximize"};
}

/// How much better `to` is than `from`: \f$ from - to \f$ when minimizing, \f$ to - from \f$ when maximizing.
/// Negative when it is worse.
[[nodiscard]] constexpr double gain(direction better, double from, double to) noexcept {
  return better == direction::minimize ? from - to : to - from;
}

/// Whether `value` is strictly better than `other`. False for equal values, and when either is NaN.
[[nodiscard]] constexpr bool is_better(direction better, double value, double other) noexcept {
  if constexpr (detail::assumes_finite)
    if (detail::is_nan(value) || detail::is_nan(other)) return false;
  return better == direction::minimize ? value < other : value > other;
}

}  // namespace dvar::inline v0_2
