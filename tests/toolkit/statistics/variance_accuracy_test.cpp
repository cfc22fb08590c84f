// The relative error of the window's and of the total variance on streams that are known to ruin formulas,
// against sums in 113-bit arithmetic.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/statistics/rolling_variance.hpp>
#include <dvar/statistics/total_variance.hpp>

#include "../quad.hpp"

#ifdef __SIZEOF_FLOAT128__

namespace dvar {
namespace {

using test::exact_variance;
using test::relative_error;

/// Returns the largest error of the window's variance, looked at every `every` observations.
double window_error(const std::vector<double>& values, std::size_t window, std::size_t every) {
  rolling_variance recent{window};
  double worst = 0.0;
  for (std::size_t n = 1; n <= values.size(); ++n) {
    recent.observe(values[n - 1]);
    if (n >= window && n % every == 0) {
      const auto expected = exact_variance(std::span(values).subspan(n - window, window));
      worst = std::max(worst, relative_error(recent.variance().value_or(-1.0), expected));
    }
  }
  return worst;
}

template <class F>
std::vector<double> generate(std::size_t length, F value) {
  std::vector<double> values;
  for (std::size_t i = 0; i < length; ++i)
    values.push_back(value(i));
  return values;
}

class variance_accuracy_test : public testing::Test {
 protected:
  std::mt19937_64 engine{17};
  std::normal_distribution<double> normal;
};

TEST_F(variance_accuracy_test, an_offset_of_1e9) {
  const auto values = generate(5000, [&](std::size_t) { return 1e9 + 1e-3 * normal(engine); });
  for (const std::size_t window : {32, 310, 4096})
    EXPECT_LT(window_error(values, window, 3), 1e-12) << window;
  total_variance all;
  for (const double value : values)
    all.observe(value);
  EXPECT_LT(relative_error(all.variance().value(), exact_variance(values)), 1e-12);
}

TEST_F(variance_accuracy_test, a_scale_that_collapses_from_1e12_to_1e_6) {
  const auto values =
      generate(9000, [&](std::size_t i) { return (i < 3000 ? 1e12 : 1e-6) * normal(engine); });
  for (const std::size_t window : {32, 310, 4096})
    EXPECT_LT(window_error(values, window, window > 1000 ? 13 : 3), 1e-12) << window;
}

TEST_F(variance_accuracy_test, a_spike_that_has_left) {
  for (const double spike : {1e9, -1e12, 1e140}) {
    for (const std::size_t where : {400, 401, 455, 513}) {
      const auto values =
          generate(1000, [&](std::size_t i) { return i == where ? spike : 0.18 + 1e-5 * normal(engine); });
      EXPECT_LT(window_error(values, 310, 1), 1e-12) << spike << " at " << where;
    }
  }
}

TEST_F(variance_accuracy_test, what_is_not_finite_and_has_left) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {std::nan(""), infinity, -infinity, 1e200}) {
    rolling_variance recent{310};
    std::vector<double> values;
    for (std::size_t n = 1; n <= 1500; ++n) {
      values.push_back(n == 500 ? bad : 0.18 + 1e-5 * normal(engine));
      recent.observe(values.back());
      if (n >= 500 && n < 810) {
        ASSERT_FALSE(recent.variance()) << bad << ", n = " << n;
      } else if (n >= 310) {
        const auto expected = exact_variance(std::span(values).last(310));
        ASSERT_LT(relative_error(recent.variance().value(), expected), 1e-12) << bad << ", n = " << n;
      }
    }
  }
}

TEST_F(variance_accuracy_test, denormal_variances_and_values) {
  const auto small = generate(2000, [&](std::size_t) { return 1e-155 * normal(engine); });
  EXPECT_LT(window_error(small, 310, 1), 1e-12);
  rolling_variance recent{310};
  for (const double value : generate(2000, [&](std::size_t) { return 1e-310 * normal(engine); }))
    recent.observe(value);
  EXPECT_EQ(recent.variance(), 0.0);  // 1e-620 is 0
}

TEST_F(variance_accuracy_test, regimes_that_change) {
  std::uniform_real_distribution<double> exponent(-9.0, 9.0);
  std::uniform_int_distribution<std::size_t> stay(1, 700);
  for (int stream = 0; stream < 20; ++stream) {
    std::vector<double> values;
    while (values.size() < 3000) {
      const double center = std::pow(10.0, exponent(engine));
      const double spread = center * std::pow(10.0, -std::abs(exponent(engine)) / 2);
      for (std::size_t left = stay(engine); left > 0; --left)
        values.push_back(center + spread * normal(engine));
    }
    EXPECT_LT(window_error(values, 310, 5), 1e-12) << stream;
  }
}

TEST_F(variance_accuracy_test, totals_that_are_merged) {
  const auto values =
      generate(30000, [&](std::size_t i) { return 1e9 + (i < 10000 ? 1e3 : 1e-3) * normal(engine); });
  total_variance merged;
  for (std::size_t begin = 0; begin < values.size(); begin += 777) {
    total_variance part;
    for (std::size_t i = begin; i < std::min(begin + 777, values.size()); ++i)
      part.observe(values[i]);
    merged.merge(part);
  }
  EXPECT_LT(relative_error(merged.variance().value(), exact_variance(values)), 1e-12);
}

}  // namespace
}  // namespace dvar

#endif
