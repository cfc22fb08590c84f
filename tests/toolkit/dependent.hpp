#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dvar::test {

/// Returns numbers about 100 that depend on the one before by `phi`, and fall by `drift` each. In Python, the same:
///   s, x, values = 1, 0.0, []
///   for i in range(count):
///       s = (s * 6364136223846793005 + 1442695040888963407) % 2**64
///       x = phi * x + (s >> 11) / 2**53
///       values.append(100.0 + x - drift * i)
inline std::vector<double> dependent(std::size_t count, double phi, double drift) {
  std::uint64_t s = 1;
  double x = 0.0;
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    s = s * 6364136223846793005U + 1442695040888963407U;
    x = phi * x + static_cast<double>(s >> 11U) / 0x1p53;
    values.push_back(100.0 + x - drift * static_cast<double>(i));
  }
  return values;
}

}  // namespace dvar::test
