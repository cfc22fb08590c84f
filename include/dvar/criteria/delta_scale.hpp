#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dvar::inline v0_2 {

/// Says how a least change is measured.
enum class delta_scale : std::uint8_t {
  /// Measures in the units of the observations.
  absolute,
  /// Measures as a fraction of the absolute value that the observation is compared with.
  relative,
};

/// Returns the names of the scales in texts.
constexpr std::array<std::string_view, 2> enumerator_names(delta_scale) {
  return {"absolute", "relative"};
}

}  // namespace dvar::inline v0_2
