#pragma once

#include <cmath>

#include <dvar/detail/finite.hpp>

namespace dvar::inline v0_2::detail {

/// Whether the target multiplies and adds in one instruction.
#if defined(__FP_FAST_FMA) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
inline constexpr bool fuses = true;
#else
inline constexpr bool fuses = false;
#endif

/// Returns a * b + c, rounded once where the target multiplies and adds in one instruction, after each
/// operation elsewhere.
///
/// Compilers may fuse a product with a sum by themselves, in one loop and not in another. Where each such
/// pair is written as this, nothing is left for them to choose: an observation alone, one of a batch and one
/// of many series get the same bits.
inline double multiply_add(double a, double b, double c) noexcept {
  if constexpr (fuses)
    return std::fma(a, b, c);
  else
    return a * b + c;
}

inline double select(bool where, double a, double b) noexcept {
  return where ? a : b;
}

/// Returns 0 for a sum of squares that rounding took below 0, and any other value, NaN included, as it is.
template <class Number>
Number not_below_zero(Number value) noexcept {
  if constexpr (assumes_finite)
    return is_nan(value) || value > 0.0 ? value : 0.0;
  else
    return select(0.0 > value, 0.0, value);
}

}  // namespace dvar::inline v0_2::detail
