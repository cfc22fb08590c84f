#pragma once

#include <cstddef>
#include <span>

namespace dvar::test {

/// Sums squares and products about the means, in two passes and long double, the deviations taken from the
/// first value so that a large offset costs nothing.
struct line_reference {
  long double squared_indices = 0;
  long double squares = 0;
  long double products = 0;

  explicit line_reference(std::span<const double> values) {
    const auto n = static_cast<long double>(values.size());
    long double sum = 0;
    for (const double value : values)
      sum += static_cast<long double>(value) - values.front();
    const long double mean = sum / n;
    const long double mean_index = (n - 1) / 2;
    long double rest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const long double deviation = static_cast<long double>(values[i]) - values.front() - mean;
      const long double index = static_cast<long double>(i) - mean_index;
      squares += deviation * deviation;
      products += index * deviation;
      squared_indices += index * index;
      rest += deviation;
    }
    squares -= rest * rest / n;
  }

  [[nodiscard]] long double slope() const { return products / squared_indices; }
  [[nodiscard]] long double residual() const { return squares - products * products / squared_indices; }
};

}  // namespace dvar::test
