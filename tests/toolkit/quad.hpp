#pragma once

#include <span>

// 113 bits, where the compiler has them: GCC and clang on x86-64.
#ifdef __SIZEOF_FLOAT128__

namespace dvar::test {

__extension__ using quad = __float128;

inline quad exact_variance(std::span<const double> values) {
  const auto n = static_cast<quad>(values.size());
  quad sum = 0;
  for (const double value : values)
    sum += value;
  quad squares = 0;
  for (const double value : values) {
    const quad deviation = value - sum / n;
    squares += deviation * deviation;
  }
  return squares / n;
}

inline double relative_error(double value, quad expected) {
  const quad difference = value < expected ? expected - value : value - expected;
  return static_cast<double>(difference / expected);
}

}  // namespace dvar::test

#endif
