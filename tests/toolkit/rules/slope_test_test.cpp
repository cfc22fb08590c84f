#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/slope_test.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../lines.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::DoubleNear;
using testing::Optional;
using testing::ThrowsMessage;

/// A window of as many observations as there are, all shown.
slope_test seen(std::span<const double> values, double discard) {
  slope_test rule{{.window = values.size(), .probability = 0.51, .discard = discard}};
  for (const double value : values)
    rule.observe(value);
  return rule;
}

// Expected values, with SciPy 1.17.1:
//   from scipy.stats import linregress, norm
//   def falling(y): r = linregress(range(len(y)), y); return norm.cdf(-r.slope / r.stderr)
// dlib's own recursion over the first, written in NumPy, gives 0.9172935 and 0.99993028: its prior shows in the
// seventh digit.
const std::vector<double> wandering{9, 7, 8, 6, 5, 6, 4, 5, 3, 4, 9, 3, 4, 3, 4, 3, 4, 4, 3, 4};
const std::vector<double> spiked{9, 8, 7, 6, 5, 5, 4, 5, 4, 5, 4, 12, 5, 4, 5, 4, 5, 4, 4, 5};
const std::vector<double> burst{9, 8.5, 8.2, 7.4, 7.1, 6.8, 6.1, 5.4, 30, 28};

TEST(slope_test_test, agrees_with_scipy) {
  EXPECT_THAT(seen(wandering, 0.0).latest().statistic, Optional(DoubleNear(0.999930280043587, 1e-14)));
  EXPECT_THAT(seen(std::span(wandering).last(10), 0.0).latest().statistic,
              Optional(DoubleNear(0.9172938722289622, 1e-14)));
  EXPECT_THAT(seen(burst, 0.0).latest().statistic, Optional(DoubleNear(0.0161174570991079, 1e-14)));
}

/// dlib's recursion, `running_gradient::add` in dlib/statistics/running_gradient.h of dlib 19.24, over the window from its end: returns the
/// probability that what was observed falls. dlib's prior has a precision of 1e-6.
double by_recursive_least_squares(std::span<const double> values, double precision) {
  double r00 = 1.0 / precision;
  double r01 = 0.0;
  double r11 = 1.0 / precision;
  double slope = 0.0;
  double intercept = 0.0;
  double residual_squared = 0.0;
  double n = 0.0;
  for (auto value = values.rbegin(); value != values.rend(); ++value) {
    const double a = r00 * n + r01;
    const double b = r01 * n + r11;
    const double scale = 1.0 + n * a + b;
    r00 -= a * a / scale;
    r01 -= a * b / scale;
    r11 -= b * b / scale;
    const double error = *value - n * slope - intercept;
    slope += (r00 * n + r01) * error;
    intercept += (r01 * n + r11) * error;
    residual_squared += std::pow(*value - n * slope - intercept, 2.0) * scale;
    n += 1.0;
  }
  const double standard_error = std::sqrt(residual_squared / (n - 2.0) * 12.0 / (n * n * n - n));
  return 0.5 * std::erfc(-slope / standard_error / std::numbers::sqrt2);
}

TEST(slope_test_test, differs_from_dlib_by_what_dlibs_prior_makes_of_the_level) {
  std::mt19937_64 engine{5};
  std::normal_distribution<double> normal;
  for (const std::size_t window : {10U, 50U, 310U}) {
    std::vector<double> noise(window);
    for (double& value : noise)
      value = 1.0 + normal(engine);
    const double here = seen(noise, 0.0).latest().statistic.value();
    EXPECT_NEAR(here, by_recursive_least_squares(noise, 1e-6), 1e-5);
    EXPECT_NEAR(here, by_recursive_least_squares(noise, 1e-10), 1e-9);
  }
  // A fall that is plain to see, 1,000,000 times below the level: dlib takes a millionth of the squared level for noise.
  std::vector<double> high(50);
  for (std::size_t i = 0; i < high.size(); ++i)
    high[i] = 1e6 - 0.1 * static_cast<double>(i) + normal(engine);
  EXPECT_GT(seen(high, 0.0).latest().statistic.value(), 0.99);
  EXPECT_LT(by_recursive_least_squares(high, 1e-6), 0.6);
}

TEST(slope_test_test, counts_the_steps_without_a_decrease) {
  // max([j for j in range(3, 21) if falling(y[-j:]) < .51])
  EXPECT_EQ(seen(wandering, 0.1).steps_without_decrease(), 9U);
  EXPECT_EQ(seen(spiked, 0.1).steps_without_decrease(), 7U);
  EXPECT_EQ(seen(std::vector<double>{5, 4, 3, 2, 1}, 0.1).steps_without_decrease(), 0U);
  EXPECT_EQ(seen(std::vector<double>{1, 2, 3, 4, 5}, 0.1).steps_without_decrease(), 5U);
  EXPECT_EQ(seen(std::vector<double>{1, 2, std::nan(""), 4, 5, 6}, 0.1).steps_without_decrease(), 3U);
  EXPECT_EQ(slope_test{}.steps_without_decrease(), 0U);
}

TEST(slope_test_test, a_burst_at_the_end_does_not_stop_what_falls_without_it) {
  EXPECT_TRUE(seen(burst, 0.0).latest().stop);
  // Without the largest fifth, 30 and 28, the rest falls: falling(y[:8]) is 1 to 16 digits.
  const verdict v = seen(burst, 0.2).latest();
  EXPECT_FALSE(v.stop);
  EXPECT_THAT(v.statistic, Optional(DoubleNear(1.0, 1e-14)));
}

TEST(slope_test_test, the_second_look_is_the_plain_test_of_the_rest) {
  std::mt19937_64 engine{3};
  std::normal_distribution<double> normal;
  int second_looks = 0;
  for (int run = 0; run < 300; ++run) {
    std::vector<double> values(40);
    for (double& value : values)
      value = normal(engine) * (engine() % 7 == 0 ? 10.0 : 1.0);
    const auto plain = seen(values, 0.0).latest().statistic.value();
    const auto looked = seen(values, 0.25).latest().statistic.value();
    if (plain >= 0.51) {
      ASSERT_EQ(looked, plain);
      continue;
    }
    ++second_looks;
    auto sorted = values;
    std::sort(sorted.begin(), sorted.end());
    // round(39 * 0.75) = 29
    std::erase_if(values, [&](double value) { return value > sorted[29]; });
    ASSERT_EQ(values.size(), 30U);
    ASSERT_NEAR(looked, seen(values, 0.0).latest().statistic.value(), 1e-12) << run;
  }
  EXPECT_GT(second_looks, 100);
}

TEST(slope_test_test, agrees_with_two_passes_in_long_double) {
  for (const auto& [name, values] : test::streams(1500)) {
    slope_test rule{{.window = 97, .discard = 0.0}};
    for (std::size_t n = 1; n <= values.size(); ++n) {
      const verdict v = rule.observe(values[n - 1]);
      ASSERT_EQ(v.warming_up, n < 97);
      if (n >= 97 && name != "a linear trend") {
        const test::line_reference line{std::span<const double>(values).subspan(n - 97, 97)};
        const auto error = std::sqrt(line.residual() / 95 / line.squared_indices);
        const auto expected = std::erfc(line.slope() / error / std::numbers::sqrt2_v<long double>) / 2;
        ASSERT_NEAR(v.statistic.value(), static_cast<double>(expected), 1e-10) << name << ", " << n;
        ASSERT_EQ(v.stop, *v.statistic < 0.51) << name << ", " << n;
      }
    }
  }
}

TEST(slope_test_test, goes_on_while_the_loss_falls_and_stops_on_flat_noise) {
  slope_test line;
  for (int n = 0; n < 2000; ++n)
    ASSERT_FALSE(line.observe(5.0 - 1e-9 * n).stop);
  EXPECT_EQ(line.latest().statistic, 1.0);
  const auto values = test::falling_then_flat(3000, 0.01, 0.05);
  const std::size_t stop = test::stop_of(slope_test{}, values);
  // By observation 470 the fall is smaller than the standard error of a tenth of the window.
  EXPECT_GT(stop, 470U);
  EXPECT_LT(stop, 1500U);
  int stops = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    std::mt19937_64 engine{seed};
    std::normal_distribution<double> normal(0.18, 1e-3);
    slope_test flat{{.window = 50, .discard = 0.0}};
    for (int n = 0; n < 50; ++n)
      flat.observe(normal(engine));
    stops += flat.latest().stop ? 1 : 0;
  }
  // 51 % of 400 are 204, with a standard deviation of 10.
  EXPECT_NEAR(stops, 204, 40);
}

TEST(slope_test_test, equal_observations_stop_it_at_one_half) {
  slope_test rule{{.window = 5}};
  for (int n = 1; n <= 10; ++n)
    EXPECT_EQ(rule.observe(1e9 + 0.1).stop, n >= 5) << n;
  EXPECT_EQ(rule.latest(), (verdict{.stop = true, .rule = "slope_test", .statistic = 0.5}));
}

TEST(slope_test_test, recovers_when_a_bad_value_has_left) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    slope_test rule{{.window = 4, .discard = 0.3}};
    for (int n = 0; n < 20; ++n) {
      const verdict v = rule.observe(n == 7 ? bad : 0.3);
      ASSERT_EQ(v.stop, n >= 3 && (n < 7 || n > 10)) << n;
      ASSERT_EQ(v.statistic.has_value(), v.stop) << n;
    }
  }
}

TEST(slope_test_test, says_why) {
  slope_test rule{{.window = 3, .probability = 0.51, .discard = 0.0}};
  rule.observe(1.0);
  EXPECT_EQ(rule.reason(), "warming up: 1 of 3 observations");
  rule.observe(1.0);
  rule.observe(1.0);
  EXPECT_EQ(rule.reason(), "the last 3 observations are falling with a probability of 0.5, below 0.51");
  rule.observe(-9.0);
  rule.observe(-19.0);
  EXPECT_EQ(rule.reason(), "the last 3 observations are falling with a probability of 1, not below 0.51");
  rule.observe(std::nan(""));
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_EQ(rule.reason(), "the slope of the last 3 observations is undefined: they are not finite");
}

TEST(slope_test_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { slope_test rule({.window = 2}); },
              ThrowsMessage<std::invalid_argument>("slope_test: window must be at least 3, not 2"));
  EXPECT_THAT(
      [] { slope_test rule({.probability = 1.0}); },
      ThrowsMessage<std::invalid_argument>("slope_test: probability must be above 0 and below 1, not 1"));
  EXPECT_THAT(
      [] { slope_test rule({.discard = -0.1}); },
      ThrowsMessage<std::invalid_argument>("slope_test: discard must be from 0 to below 1, not -0.1"));
  EXPECT_THAT([] { slope_test rule({.window = 4, .discard = 0.6}); },
              ThrowsMessage<std::invalid_argument>(
                  "slope_test: discard must leave at least 3 observations, not 2 of 4"));
}

TEST(slope_test_test, keeps_the_promises_of_a_criterion) {
  test::expect_a_sound_criterion(slope_test{{.window = 40}}, test::falling_then_flat(300, 0.03, 0.05));
}

TEST(slope_test_test, refuses_a_state_of_other_options) {
  slope_test rule{{.window = 40, .probability = 0.5, .discard = 0.25}};
  const auto load = [&](const slope_test_options& other) {
    return [&rule, other] { load_state(rule, save_state(slope_test{other})); };
  };
  EXPECT_THAT(
      load({.window = 41, .probability = 0.5, .discard = 0.25}),
      ThrowsMessage<state_error>("saved state: slope_test's window is 41 in the saved state and 40 here"));
  EXPECT_THAT(load({.window = 40, .probability = 0.75, .discard = 0.25}),
              ThrowsMessage<state_error>(
                  "saved state: slope_test's probability is 0.75 in the saved state and 0.5 here"));
  EXPECT_THAT(load({.window = 40, .probability = 0.5, .discard = 0.5}),
              ThrowsMessage<state_error>(
                  "saved state: slope_test's discard is 0.5 in the saved state and 0.25 here"));
}

TEST(slope_test_test, reports_the_probability) {
  slope_test rule{{.window = 3, .probability = 0.625, .discard = 0.0}};
  const stop_bound bound{stop_bound::comparison::less, 0.625};
  for (const double value : {1.0, 1.0, 1.0}) {
    const std::optional<double> probability = rule.observe(value).statistic;
    const auto values = reported_values(rule);
    ASSERT_EQ(values.size(), 1U);
    EXPECT_EQ(values[0].rule, "slope_test");
    EXPECT_EQ(values[0].name, "probability");
    EXPECT_EQ(values[0].value, probability);
    EXPECT_EQ(values[0].stops, bound);
  }
  EXPECT_EQ(reported_values(rule)[0].value, 0.5);
  EXPECT_EQ(reported_values(slope_test{})[0].value, std::nullopt);
}

TEST(slope_test_test, its_options_name_every_member_once) {
  [[maybe_unused]] const auto [window, probability, discard] = slope_test_options{};
  const auto [first, second, third] = slope_test_options::fields();
  EXPECT_EQ(first.name, "window");
  EXPECT_EQ(first.member, &slope_test_options::window);
  EXPECT_EQ(second.name, "probability");
  EXPECT_EQ(second.member, &slope_test_options::probability);
  EXPECT_EQ(third.name, "discard");
  EXPECT_EQ(third.member, &slope_test_options::discard);
}

}  // namespace
}  // namespace dvar
