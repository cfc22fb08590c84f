#pragma once

#include <cstddef>

namespace dvar::inline v0_2 {

/// Says which variance is meant: the sum of squared deviations from the mean is divided by `n - ddof`.
///
/// 0, the default, is the population variance (as NumPy's `var`, and as the DVAR rule on both sides);
/// `variance({.ddof = 1})` is the unbiased sample variance.
struct delta_degrees_of_freedom {
  /// What is subtracted from the number of observations.
  std::size_t ddof = 0;
};

inline constexpr delta_degrees_of_freedom population{.ddof = 0};
inline constexpr delta_degrees_of_freedom sample{.ddof = 1};

}  // namespace dvar::inline v0_2
