#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/ema_percentile.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../criteria/report_checks.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

TEST(ema_percentile_test, compares_averages_n_observations_apart) {
  const auto values = test::falling_then_flat(1000, 0.01, 0.05);
  for (const std::size_t lag : {1, 2, 50}) {
    ema_percentile rule{{.lag = lag, .weight = 0.1, .threshold = 1e-3}};
    std::vector<long double> averages;
    long double sum = 0;
    long double weights = 0;
    for (std::size_t n = 1; n <= values.size(); ++n) {
      sum = 0.9L * sum + 0.1L * values[n - 1];
      weights = 0.9L * weights + 0.1L;
      averages.push_back(sum / weights);
      const verdict v = rule.observe(values[n - 1]);
      ASSERT_EQ(v.warming_up, n <= lag);
      if (n > lag) {
        const auto earlier = averages[n - 1 - lag];
        ASSERT_NEAR(v.statistic.value(), static_cast<double>((averages.back() - earlier) / earlier), 1e-14)
            << lag << ", " << n;
        ASSERT_EQ(v.stop, std::abs(*v.statistic) < 1e-3);
      }
    }
  }
}

TEST(ema_percentile_test, stops_on_equal_observations_and_not_on_a_fall) {
  ema_percentile flat{{.lag = 3}};
  for (int n = 1; n <= 10; ++n)
    EXPECT_EQ(flat.observe(-0.3).stop, n > 3) << n;
  EXPECT_EQ(flat.latest(), (verdict{.stop = true, .rule = "ema_percentile", .statistic = 0.0}));
  ema_percentile falling{{.lag = 3}};
  for (int n = 1; n <= 500; ++n)
    ASSERT_FALSE(falling.observe(std::exp(-0.01 * n)).stop);
  EXPECT_NEAR(falling.latest().statistic.value(), std::exp(-0.03) - 1.0, 1e-9);
}

TEST(ema_percentile_test, has_no_statistic_after_a_bad_value_or_an_average_of_0) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    ema_percentile rule{{.lag = 2}};
    for (int n = 1; n <= 100; ++n) {
      const verdict v = rule.observe(n == 10 ? bad : 0.3);
      ASSERT_EQ(v.stop, n > 2 && n < 10) << n;
      ASSERT_EQ(v.statistic.has_value(), n > 2 && n < 10) << n;
    }
    EXPECT_EQ(rule.reason(),
              "the change of the average is undefined: an observation was not finite, or the average was 0");
  }
  ema_percentile zero{{.lag = 1}};
  zero.observe(0.0);
  EXPECT_EQ(zero.observe(1.0), verdict{});
}

TEST(ema_percentile_test, says_why) {
  ema_percentile rule{{.lag = 1, .weight = 1.0, .threshold = 0.3}};
  rule.observe(4.0);
  EXPECT_EQ(rule.reason(), "warming up: 1 observations, more than 1 are needed");
  rule.observe(2.0);
  EXPECT_EQ(rule.reason(),
            "the average has changed by -0.5 of its value 1 observations ago, not less than 0.3 either way");
  rule.observe(2.5);
  EXPECT_EQ(rule.reason(),
            "the average has changed by 0.25 of its value 1 observations ago, less than 0.3 either way");
}

TEST(ema_percentile_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { ema_percentile rule({.lag = 0}); },
              ThrowsMessage<std::invalid_argument>("ema_percentile: lag must be at least 1, not 0"));
  EXPECT_THAT(
      [] { ema_percentile rule({.weight = 0.0}); },
      ThrowsMessage<std::invalid_argument>("ema_percentile: weight must be above 0 and at most 1, not 0"));
  EXPECT_THAT([] { ema_percentile rule({.threshold = 0.0}); },
              ThrowsMessage<std::invalid_argument>("ema_percentile: threshold must be above 0, not 0"));
}

TEST(ema_percentile_test, keeps_the_promises_of_a_criterion) {
  test::expect_a_sound_criterion(ema_percentile{{.lag = 40}}, test::falling_then_flat(300, 0.03, 0.05));
}

TEST(ema_percentile_test, refuses_a_state_of_other_options) {
  ema_percentile rule{{.lag = 40, .weight = 0.5, .threshold = 0.5}};
  const auto load = [&](const ema_percentile_options& other) {
    return [&rule, other] { load_state(rule, save_state(ema_percentile{other})); };
  };
  EXPECT_THAT(
      load({.lag = 41, .weight = 0.5, .threshold = 0.5}),
      ThrowsMessage<state_error>("saved state: ema_percentile's lag is 41 in the saved state and 40 here"));
  EXPECT_THAT(load({.lag = 40, .weight = 0.25, .threshold = 0.5}),
              ThrowsMessage<state_error>(
                  "saved state: ema_percentile's weight is 0.25 in the saved state and 0.5 here"));
  EXPECT_THAT(load({.lag = 40, .weight = 0.5, .threshold = 0.25}),
              ThrowsMessage<state_error>(
                  "saved state: ema_percentile's threshold is 0.25 in the saved state and 0.5 here"));
}

TEST(ema_percentile_test, reports_the_average_and_its_change) {
  ema_percentile rule{{.lag = 1, .weight = 1.0, .threshold = 0.5}};
  test::expect_report(rule, {{"ema"}, {"change"}, {"abs_change", std::nullopt, test::stops_below(0.5)}});
  rule.observe(4.0);
  test::expect_report(rule, {{"ema", 4.0}, {"change"}, {"abs_change", std::nullopt, test::stops_below(0.5)}});
  rule.observe(3.0);
  EXPECT_EQ(rule.average(), 3.0);
  EXPECT_EQ(rule.change(), -0.25);
  test::expect_report(rule, {{"ema", 3.0}, {"change", -0.25}, {"abs_change", 0.25, test::stops_below(0.5)}});
  rule.observe(std::nan(""));
  test::expect_report(rule, {{"ema"}, {"change"}, {"abs_change", std::nullopt, test::stops_below(0.5)}});
  test::expect_report_as_the_verdict(ema_percentile{{.lag = 7}}, test::falling_then_flat(300, 0.03, 0.05));
}

TEST(ema_percentile_test, its_fields_are_its_options) {
  test::expect_fields<ema_percentile_options>({"lag", "weight", "threshold"});
}

}  // namespace
}  // namespace dvar
