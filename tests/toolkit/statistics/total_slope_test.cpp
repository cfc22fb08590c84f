#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/total_slope.hpp>

#include "../allocations.hpp"
#include "../lines.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

total_slope seen(std::span<const double> values) {
  total_slope all;
  for (const double value : values)
    all.observe(value);
  return all;
}

void expect_close(const total_slope& all, std::span<const double> values) {
  const test::line_reference expected(values);
  const auto fit = all.fit();
  ASSERT_TRUE(fit);
  const auto largest = std::sqrt(expected.squares / expected.squared_indices);
  ASSERT_LT(std::abs(fit->slope - expected.slope()), 1e-12L * largest);
  const auto n = static_cast<long double>(values.size());
  const auto residual = static_cast<long double>(fit->standard_error) * fit->standard_error * (n - 2) *
                        expected.squared_indices;
  ASSERT_LT(std::abs(residual - expected.residual()), 1e-12L * expected.squares);
}

TEST(total_slope_test, agrees_with_two_passes_in_long_double) {
  for (const auto& [name, values] : test::streams(3000)) {
    SCOPED_TRACE(name);
    total_slope all;
    for (std::size_t n = 1; n <= values.size(); ++n) {
      all.observe(values[n - 1]);
      ASSERT_EQ(all.count(), n);
      ASSERT_EQ(all.fit().has_value(), n >= 3);
      if (n >= 3 && (n < 200 || n % 7 == 0)) {
        expect_close(all, std::span(values).first(n));
        ASSERT_FALSE(HasFatalFailure()) << n;
      }
    }
  }
}

TEST(total_slope_test, merges_in_order) {
  for (const auto& [name, values] : test::streams(700)) {
    SCOPED_TRACE(name);
    for (const std::size_t cut : {0, 1, 63, 64, 65, 200, 699, 700}) {
      total_slope all = seen(std::span(values).first(cut));
      all.merge(seen(std::span(values).subspan(cut)));
      EXPECT_EQ(all.count(), values.size());
      expect_close(all, values);
      ASSERT_FALSE(HasFatalFailure()) << cut;
    }
  }
  // 1, 2, 3 after 3, 2, 1 is another line than before it.
  const std::vector<double> up{1.0, 2.0, 3.0};
  const std::vector<double> down{3.0, 2.0, 1.0};
  total_slope valley = seen(down);
  valley.merge(seen(up));
  EXPECT_EQ(valley.slope(), 0.0);
  const std::vector<double> saw{1.0, 2.0, 3.0, 1.0, 2.0, 3.0};
  total_slope teeth = seen(up);
  teeth.merge(teeth);
  // Products about the means: (-2.5)(-1) + (-0.5)(1) + (0.5)(-1) + (2.5)(1) = 4; squared indices 17.5.
  EXPECT_THAT(teeth.slope(), testing::Optional(testing::DoubleEq(4.0 / 17.5)));
  EXPECT_EQ(seen(saw).slope(), teeth.slope());
}

TEST(total_slope_test, equal_values_have_slope_and_error_zero) {
  const std::vector<double> constant(200, 1e9 + 0.1);
  EXPECT_EQ(seen(constant).fit(), (line_fit{.count = 200.0, .slope = 0.0, .standard_error = 0.0}));
}

TEST(total_slope_test, has_no_fit_after_a_value_that_is_not_finite) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 1e200}) {
    total_slope all = seen(test::white_noise(100));
    all.observe(bad);
    for (const double value : test::white_noise(200)) {
      all.observe(value);
      ASSERT_EQ(all.fit(), std::nullopt);
      ASSERT_EQ(all.slope(), std::nullopt);
    }
    all.reset();
    EXPECT_EQ(save_state(all), save_state(total_slope{}));
  }
}

TEST(total_slope_test, never_allocates) {
  const auto values = test::white_noise(1000);
  const auto before = test::allocations();
  total_slope all = seen(values);
  all.merge(all);
  const auto fit = all.fit();
  EXPECT_EQ(test::allocations(), before);
  EXPECT_TRUE(fit);
}

TEST(total_slope_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::streams(300)[3].values;
  for (std::size_t cut = 0; cut < 200; ++cut) {
    total_slope all = seen(std::span(values).first(cut));
    total_slope loaded;
    load_state(loaded, save_state(all));
    for (std::size_t i = cut; i < values.size(); ++i) {
      all.observe(values[i]);
      loaded.observe(values[i]);
      ASSERT_EQ(all.fit(), loaded.fit()) << cut << ", " << i;
    }
    EXPECT_EQ(save_state(all), save_state(loaded));
  }
}

}  // namespace
}  // namespace dvar
