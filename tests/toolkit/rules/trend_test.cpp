#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/trend.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../lines.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

TEST(trend_test, its_statistic_is_the_slope_of_the_window) {
  for (const auto& [name, values] : test::streams(1000)) {
    trend rule{{.window = 97}};
    for (std::size_t n = 1; n <= values.size(); ++n) {
      const verdict v = rule.observe(values[n - 1]);
      ASSERT_EQ(v.warming_up, n < 97);
      ASSERT_EQ(v.statistic.has_value(), n >= 97);
      if (n >= 97) {
        const test::line_reference expected{std::span<const double>(values).subspan(n - 97, 97)};
        const auto largest = std::sqrt(expected.squares / expected.squared_indices);
        ASSERT_LT(std::abs(*v.statistic - expected.slope()), 1e-12L * largest) << name << ", " << n;
        ASSERT_EQ(v.stop, std::abs(*v.statistic) < 1e-7) << name << ", " << n;
      }
    }
  }
}

TEST(trend_test, stops_when_a_fall_has_flattened_and_not_on_a_line) {
  const auto values = test::falling_then_flat(3000, 0.01, 0.0);
  // The first slope of 310 values of 1e-3 exp(-0.01 i) that is less than 1e-7 away from 0:
  // python3 -c "import numpy as np; y = 1e-3 * np.exp(-0.01 * np.arange(3000))
  // print(next(n for n in range(310, 3000) if abs(np.polyfit(range(310), y[n-310:n], 1)[0]) < 1e-7))"
  EXPECT_EQ(test::stop_of(trend{}, values), 640U);
  trend rule;
  for (int n = 0; n < 2000; ++n)
    ASSERT_FALSE(rule.observe(5.0 - 1e-6 * n).stop);
}

TEST(trend_test, stops_on_equal_observations_and_in_a_valley) {
  trend rule{{.window = 5, .threshold = 1e-9}};
  for (int n = 1; n <= 5; ++n)
    EXPECT_EQ(rule.observe(0.3).stop, n == 5);
  EXPECT_EQ(rule.latest(), (verdict{.stop = true, .rule = "trend", .statistic = 0.0}));
  trend valley{{.window = 5}};
  for (const double value : {4.0, 1.0, 0.0, 1.0})
    EXPECT_FALSE(valley.observe(value).stop);
  EXPECT_TRUE(valley.observe(4.0).stop);
}

TEST(trend_test, says_why) {
  trend rule{{.window = 3, .threshold = 0.5}};
  rule.observe(1.0);
  EXPECT_EQ(rule.reason(), "warming up: fewer than 3 observations");
  rule.observe(2.0);
  rule.observe(3.0);
  EXPECT_EQ(rule.reason(),
            "the slope of the last 3 observations is 1 an observation, not less than 0.5 away from 0");
  rule.observe(2.5);
  EXPECT_EQ(rule.reason(),
            "the slope of the last 3 observations is 0.25 an observation, less than 0.5 away from 0");
  rule.observe(std::nan(""));
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_EQ(rule.reason(), "the slope of the last 3 observations is undefined: they are not finite");
}

TEST(trend_test, recovers_when_a_bad_value_has_left) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    trend rule{{.window = 4}};
    for (int n = 0; n < 20; ++n)
      ASSERT_EQ(rule.observe(n == 7 ? bad : 0.3).stop, n >= 3 && (n < 7 || n > 10)) << n;
  }
}

TEST(trend_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { trend rule({.window = 2}); },
              ThrowsMessage<std::invalid_argument>("trend: window must be at least 3, not 2"));
  EXPECT_THAT([] { trend rule({.threshold = 0.0}); },
              ThrowsMessage<std::invalid_argument>("trend: threshold must be above 0, not 0"));
  EXPECT_THAT([] { trend rule({.threshold = std::nan("")}); },
              ThrowsMessage<std::invalid_argument>("trend: threshold must be above 0, not nan"));
}

TEST(trend_test, keeps_the_promises_of_a_criterion) {
  test::expect_a_sound_criterion(trend{{.window = 40, .threshold = 1e-6}},
                                 test::falling_then_flat(300, 0.03, 0.05));
}

TEST(trend_test, refuses_a_state_of_other_options) {
  trend rule{{.window = 40, .threshold = 0.5}};
  EXPECT_THAT([&] { load_state(rule, save_state(trend{{.window = 41, .threshold = 0.5}})); },
              ThrowsMessage<state_error>("saved state: trend's window is 41 in the saved state and 40 here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(trend{{.window = 40, .threshold = 0.25}})); },
      ThrowsMessage<state_error>("saved state: trend's threshold is 0.25 in the saved state and 0.5 here"));
}

TEST(trend_test, reports_its_slope_and_how_far_from_level_it_is) {
  trend rule{{.window = 3, .threshold = 0.5}};
  const stop_bound bound{stop_bound::comparison::less, 0.5};
  const auto expect = [&](std::optional<double> slope, std::optional<double> distance) {
    const auto values = reported_values(rule);
    ASSERT_EQ(values.size(), 2U);
    EXPECT_EQ(values[0].rule, "trend");
    EXPECT_EQ(values[0].name, "slope");
    EXPECT_EQ(values[0].value, slope);
    EXPECT_EQ(values[0].value, rule.latest().statistic);
    EXPECT_EQ(values[0].stops, std::nullopt);
    EXPECT_EQ(values[1].rule, "trend");
    EXPECT_EQ(values[1].name, "abs_slope");
    EXPECT_EQ(values[1].value, distance);
    EXPECT_EQ(values[1].stops, bound);
  };
  expect(std::nullopt, std::nullopt);
  for (const double value : {3.0, 2.0, 1.0})
    rule.observe(value);
  expect(-1.0, 1.0);
  rule.observe(std::nan(""));
  expect(std::nullopt, std::nullopt);
}

TEST(trend_test, its_options_name_every_member_once) {
  [[maybe_unused]] const auto [window, threshold] = trend_options{};
  const auto [first, second] = trend_options::fields();
  EXPECT_EQ(first.name, "window");
  EXPECT_EQ(first.member, &trend_options::window);
  EXPECT_EQ(second.name, "threshold");
  EXPECT_EQ(second.member, &trend_options::threshold);
}

}  // namespace
}  // namespace dvar
