// A stream of 1e8 observations, against 113-bit sums: for `scripts/test --long`.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/statistics/rolling_variance.hpp>
#include <dvar/statistics/total_variance.hpp>

#include "../quad.hpp"

#ifdef __SIZEOF_FLOAT128__

namespace dvar {
namespace {

using test::exact_variance;
using test::quad;
using test::relative_error;

TEST(long_stream_test, a_hundred_million_observations_of_noise_that_dies_down) {
  std::mt19937_64 engine{17};
  constexpr std::size_t length = 100'000'000;
  constexpr std::size_t window = 310;
  rolling_variance recent{window};
  total_variance all;
  std::vector<double> last(window);
  quad sum = 0;
  quad squares = 0;  // about 0.2, which is near the mean: nothing cancels in 113 bits
  double worst = 0.0;
  for (std::size_t n = 0; n < length; ++n) {
    const double spread = 0.02 * std::pow(1e-4, static_cast<double>(n) / static_cast<double>(length));
    // Uniform: the same spread at a fraction of the time.
    const double unit = static_cast<double>(engine() >> 11U) * 0x1p-52 - 1.0;
    const double value = 0.2 + spread * unit;
    recent.observe(value);
    all.observe(value);
    last[n % window] = value;
    const quad deviation = value - static_cast<quad>(0.2);
    sum += deviation;
    squares += deviation * deviation;
    if (n >= window && n % 100'003 == 0)
      worst = std::max(worst, relative_error(recent.variance().value(), exact_variance(last)));
  }
  EXPECT_LT(worst, 1e-12);
  const auto n = static_cast<quad>(length);
  EXPECT_LT(relative_error(all.variance().value(), (squares - sum * sum / n) / n), 1e-12);
}

}  // namespace
}  // namespace dvar

#endif
