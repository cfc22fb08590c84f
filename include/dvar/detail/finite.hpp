#pragma once

/// \file
/// Tells by their bits which numbers are none, whatever a compiler is told of arithmetic.
///
/// With `-ffast-math` (`-ffinite-math-only`, `/fp:fast`) a compiler takes every number for finite: it makes a
/// constant of `std::isnan(x)`, turns comparisons round, 0 out of `x - x`, and forgets a NaN that it knows. The rules
/// have to see what such a program's loss becomes. So they ask here, take no NaN for a sign of their own that
/// arithmetic would have to carry, and compare what may be none only after they asked.

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace dvar::inline v0_2::detail {

static_assert(std::numeric_limits<double>::is_iec559 && sizeof(double) == 8,
              "the toolkit tells a NaN by its bits, and reads doubles as those of IEEE 754");

/// Whether the compiler takes every number for finite.
#if (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
inline constexpr bool assumes_finite = true;
#else
inline constexpr bool assumes_finite = false;
#endif

/// Returns `value`, of which the compiler knows nothing where it would make use of what it takes for granted.
constexpr double unknown(double value) noexcept {
  if constexpr (assumes_finite) {
    if (!std::is_constant_evaluated()) {
      const volatile double memory = value;
      return memory;
    }
  }
  return value;
}

/// Returns the bits of `value`. Not by way of another function: even what one returns would be taken for finite.
constexpr std::uint64_t bits_of_number(double value) noexcept {
  if constexpr (assumes_finite) {
    if (!std::is_constant_evaluated()) {
      const volatile std::uint64_t memory = std::bit_cast<std::uint64_t>(value);
      return memory;
    }
  }
  return std::bit_cast<std::uint64_t>(value);
}

/// Returns the number that has these bits.
constexpr double number_of_bits(std::uint64_t bits) noexcept {
  if constexpr (assumes_finite) {
    if (!std::is_constant_evaluated()) {
      const volatile std::uint64_t memory = bits;
      return std::bit_cast<double>(std::uint64_t{memory});
    }
  }
  return std::bit_cast<double>(bits);
}

inline constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
inline constexpr std::uint64_t infinite_bits = 0x7ff0000000000000;
inline constexpr std::uint64_t nan_bits = 0x7ff8000000000000;

/// Returns whether `value` is a NaN.
constexpr bool is_nan(double value) noexcept {
  if constexpr (!assumes_finite)
    return value != value;
  else
    return (bits_of_number(value) & ~sign_bit) > infinite_bits;
}

/// Returns whether `value` is an infinity.
constexpr bool is_infinite(double value) noexcept {
  return (bits_of_number(value) & ~sign_bit) == infinite_bits;
}

/// Returns whether `value` is neither a NaN nor an infinity.
constexpr bool is_finite(double value) noexcept {
  if constexpr (!assumes_finite)
    // The difference is 0, or of something that is not finite a NaN.
    return value - value == 0.0;
  else
    return (bits_of_number(value) & ~sign_bit) < infinite_bits;
}

/// Returns whether `value`, which is not below 0 unless it is a NaN, is finite: one comparison.
constexpr bool is_finite_size(double value) noexcept {
  if constexpr (!assumes_finite)
    return value <= std::numeric_limits<double>::max();
  else
    return is_finite(value);
}

/// Returns whether a is less than b, for sorting. Where the compiler takes every number for finite, a NaN has a place
/// of its own, beyond the infinities: so an order is one, whatever is in it.
constexpr bool is_less(double a, double b) noexcept {
  if constexpr (!assumes_finite) {
    return a < b;
  } else {
    const auto place = [](double value) {
      const std::uint64_t bits = bits_of_number(value);
      if ((bits & ~sign_bit) > infinite_bits) return ~std::uint64_t{0};
      return (bits & sign_bit) != 0 ? ~bits : bits | sign_bit;
    };
    return place(a) < place(b);
  }
}

}  // namespace dvar::inline v0_2::detail
