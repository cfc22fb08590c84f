#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/hall.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../criteria/report_checks.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

TEST(hall_test, its_statistic_is_the_range_over_the_mean) {
  for (const auto& [name, values] : test::streams(1000)) {
    hall rule{{.window = 97}};
    for (std::size_t n = 1; n <= values.size(); ++n) {
      const verdict v = rule.observe(values[n - 1]);
      ASSERT_EQ(v.warming_up, n < 97);
      if (n >= 97) {
        const auto last = std::span(values).subspan(n - 97, 97);
        const auto [low, high] = std::minmax_element(last.begin(), last.end());
        long double sum = 0;
        for (const double value : last)
          sum += value;
        const long double range = static_cast<long double>(*high) - *low;
        const long double mean = std::abs(sum / 97);
        const long double size = std::max(std::abs(*low), std::abs(*high));
        ASSERT_TRUE(v.statistic) << name << ", " << n;
        // As far as the mean itself is well conditioned.
        ASSERT_LT(test::relative_error(*v.statistic, range / mean), 1e-13L * (1 + size / mean))
            << name << ", " << n;
        ASSERT_EQ(v.stop, *v.statistic < 1e-3) << name << ", " << n;
      }
    }
  }
}

TEST(hall_test, stops_when_the_fall_has_left_the_window) {
  // python3 -c "import numpy as np; y = 0.18 + 1e-3 * np.exp(-0.01 * np.arange(3000))
  // w = lambda n: y[n-310:n]; print(next(n for n in range(310, 3000) if np.ptp(w(n)) / w(n).mean() < 1e-3))"
  const auto values = test::falling_then_flat(3000, 0.01, 0.0);
  EXPECT_EQ(test::stop_of(hall{}, values), 477U);
  EXPECT_EQ(test::stop_of(hall{}, test::falling_then_flat(3000, 0.01, 0.1)), 0U);
}

TEST(hall_test, keeps_running_while_an_outlier_is_in_the_window) {
  hall rule{{.window = 4, .threshold = 0.1}};
  for (int n = 0; n < 20; ++n)
    ASSERT_EQ(rule.observe(n == 7 ? 9.0 : -2.0).stop, n >= 3 && (n < 7 || n > 10)) << n;
}

TEST(hall_test, has_no_statistic_where_the_mean_is_0_or_not_finite) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    hall rule{{.window = 2}};
    rule.observe(1.0);
    EXPECT_EQ(rule.observe(bad), verdict{});
    EXPECT_EQ(rule.observe(1.0), verdict{});
    EXPECT_EQ(rule.observe(-1.0), verdict{});
    EXPECT_EQ(rule.reason(),
              "the band of the last 2 observations is undefined: their mean is 0 or not finite");
    EXPECT_EQ(rule.observe(-3.0).statistic, 1.0);
  }
  hall zeros{{.window = 2}};
  zeros.observe(0.0);
  EXPECT_EQ(zeros.observe(0.0), verdict{});
}

TEST(hall_test, says_why) {
  hall rule{{.window = 2, .threshold = 0.5}};
  rule.observe(1.0);
  EXPECT_EQ(rule.reason(), "warming up: fewer than 2 observations");
  rule.observe(3.0);
  EXPECT_EQ(rule.reason(), "the last 2 observations lie in a band of 1 of their mean, not below 0.5");
  EXPECT_EQ(rule.observe(3.0), (verdict{.stop = true, .rule = "hall", .statistic = 0.0}));
  EXPECT_EQ(rule.reason(), "the last 2 observations lie in a band of 0 of their mean, below 0.5");
}

TEST(hall_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { hall rule({.window = 1}); },
              ThrowsMessage<std::invalid_argument>("hall: window must be at least 2, not 1"));
  EXPECT_THAT([] { hall rule({.threshold = -1.0}); },
              ThrowsMessage<std::invalid_argument>("hall: threshold must be above 0, not -1"));
}

TEST(hall_test, keeps_the_promises_of_a_criterion) {
  test::expect_a_sound_criterion(hall{{.window = 40, .threshold = 2e-3}},
                                 test::falling_then_flat(300, 0.03, 0.05));
}

TEST(hall_test, refuses_a_state_of_other_options) {
  hall rule{{.window = 40, .threshold = 0.5}};
  EXPECT_THAT([&] { load_state(rule, save_state(hall{{.window = 41, .threshold = 0.5}})); },
              ThrowsMessage<state_error>("saved state: hall's window is 41 in the saved state and 40 here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(hall{{.window = 40, .threshold = 0.25}})); },
      ThrowsMessage<state_error>("saved state: hall's threshold is 0.25 in the saved state and 0.5 here"));
}

TEST(hall_test, reports_its_band) {
  hall rule{{.window = 2, .threshold = 0.5}};
  test::expect_report(rule, {{"band", std::nullopt, test::stops_below(0.5)}});
  rule.observe(1.0);
  rule.observe(3.0);
  EXPECT_EQ(rule.band(), 1.0);
  test::expect_report(rule, {{"band", 1.0, test::stops_below(0.5)}});
  rule.observe(std::nan(""));
  test::expect_report(rule, {{"band", std::nullopt, test::stops_below(0.5)}});
  test::expect_report_as_the_verdict(hall{{.window = 40}}, test::falling_then_flat(300, 0.03, 0.05));
}

TEST(hall_test, its_fields_are_its_options) {
  test::expect_fields<hall_options>({"window", "threshold"});
}

}  // namespace
}  // namespace dvar
