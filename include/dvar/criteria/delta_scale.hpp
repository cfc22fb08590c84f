#pragma once

#include <cstdint>

namespace dvar {

/// How a least change is measured.
enum class delta_scale : std::uint8_t {
  /// In the units of the observations.
  absolute,
  /// As a fraction of the absolute value that the observation is compared with.
  relative,
};

}  // namespace dvar
