#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/plateau.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

TEST(plateau_test, compares_the_means_of_two_windows) {
  plateau rule{direction::minimize, {.window = 2, .tolerance = 0.25}};
  for (const double value : {8.0, 6.0, 5.0})
    EXPECT_EQ(rule.observe(value), verdict{.warming_up = true});
  EXPECT_EQ(rule.reason(), "warming up: 3 of two times 2 observations");
  // Means of {8, 6} and {5, 4}, then of {6, 5} and {4, 6}, then of {5, 4} and {6, 4}.
  EXPECT_EQ(rule.observe(4.0), verdict{.statistic = 2.5});
  EXPECT_EQ(rule.observe(6.0), verdict{.statistic = 0.5});
  EXPECT_EQ(rule.reason(),
            "the mean of the last 2 observations is better by 0.5 than that of the 2 before, above 0.25, at "
            "observation 5");
  EXPECT_EQ(rule.observe(4.0), (verdict{.stop = true, .rule = "plateau", .statistic = -0.5}));
  EXPECT_EQ(
      rule.reason(),
      "the mean of the last 2 observations is better by -0.5 than that of the 2 before, not above 0.25, at "
      "observation 6");
  EXPECT_FALSE(rule.observe(-5.0).stop);
}

TEST(plateau_test, maximizing_gains_the_other_way) {
  plateau rule{direction::maximize, {.window = 1}};
  rule.observe(1.0);
  EXPECT_EQ(rule.observe(3.0), verdict{.statistic = 2.0});
  EXPECT_EQ(rule.observe(2.0), (verdict{.stop = true, .rule = "plateau", .statistic = -1.0}));
}

TEST(plateau_test, a_relative_tolerance_is_of_the_former_mean) {
  plateau rule{direction::minimize, {.window = 2, .tolerance = 0.125, .scale = delta_scale::relative}};
  for (const double value : {16.0, 16.0, 8.0})
    rule.observe(value);
  EXPECT_EQ(rule.observe(16.0), verdict{.statistic = 0.25});
  EXPECT_EQ(
      rule.reason(),
      "the mean of the last 2 observations is better by 0.25 of the mean than that of the 2 before, above "
      "0.125, at observation 4");
  plateau negative{direction::minimize, {.window = 1, .scale = delta_scale::relative}};
  negative.observe(-4.0);
  EXPECT_EQ(negative.observe(-6.0), verdict{.statistic = 0.5});
}

TEST(plateau_test, agrees_with_two_means_in_long_double) {
  for (const std::size_t window : std::vector<std::size_t>{1, 2, 7, 50}) {
    for (const auto& [name, values] : test::streams(400)) {
      plateau rule{direction::minimize, {.window = window}};
      for (std::size_t n = 1; n <= values.size(); ++n) {
        rule.observe(values[n - 1]);
        if (n >= 2 * window) {
          const auto seen = std::span(values).first(n);
          long double gained = 0;
          double largest = 0;
          for (std::size_t i = 0; i < window; ++i) {
            const double before = seen[n - 2 * window + i];
            const double after = seen[n - window + i];
            gained += static_cast<long double>(before) - after;
            largest = std::max(largest, std::abs(before - after));
          }
          gained /= static_cast<long double>(window);
          ASSERT_NEAR(rule.progress().value(), static_cast<double>(gained), 1e-14 * largest)
              << name << ", window " << window << ", n = " << n;
        }
      }
    }
  }
}

TEST(plateau_test, equal_observations_stop_it_at_two_windows) {
  for (const auto scale : {delta_scale::absolute, delta_scale::relative}) {
    const std::vector<double> values(50, 0.1);
    EXPECT_EQ(test::stop_of(plateau{direction::minimize, {.window = 10, .scale = scale}}, values), 20U);
  }
}

TEST(plateau_test, a_trend_goes_on_while_a_window_gains_more_than_the_tolerance) {
  std::vector<double> falling;
  for (int i = 0; i < 2000; ++i)
    falling.push_back(100.0 - i / 64.0);
  // 16 observations gain 1/4.
  EXPECT_EQ(test::stop_of(plateau{direction::minimize, {.window = 16, .tolerance = 0.249}}, falling), 0U);
  EXPECT_EQ(test::stop_of(plateau{direction::minimize, {.window = 16, .tolerance = 0.25}}, falling), 32U);
}

TEST(plateau_test, on_flat_noise_it_stops_at_about_every_other_observation) {
  std::mt19937_64 engine{7};
  std::normal_distribution<double> normal;
  plateau rule{direction::minimize, {.window = 20}};
  int stops = 0;
  for (int i = 0; i < 100000; ++i)
    stops += rule.observe(normal(engine)).stop ? 1 : 0;
  EXPECT_NEAR(stops, 50000, 3000);
}

TEST(plateau_test, is_undefined_while_something_not_finite_is_in_a_window_and_not_after_it) {
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    for (const auto scale : {delta_scale::absolute, delta_scale::relative}) {
      for (int at = 0; at < 9; ++at) {
        plateau rule{direction::minimize, {.window = 3, .scale = scale}};
        for (int i = 0; i < 30; ++i) {
          const auto v = rule.observe(i == at ? bad : 64.0 - i);
          if (i >= 5) {
            ASSERT_EQ(v.statistic.has_value(), i < at || i >= at + 6) << at << ", " << i;
            ASSERT_FALSE(v.stop);
          }
          if (i == at && i >= 5) {
            ASSERT_EQ(rule.reason(), "the progress over 3 observations is undefined at observation " +
                                         std::to_string(i + 1));
          }
        }
      }
    }
  }
}

TEST(plateau_test, is_undefined_relative_to_a_mean_of_zero_or_beyond_the_range_of_double) {
  const std::vector<double> zeros(20, 0.0);
  EXPECT_EQ(test::stop_of(plateau{direction::minimize, {.window = 2, .scale = delta_scale::relative}}, zeros),
            0U);
  plateau rule{direction::minimize, {.window = 1}};
  rule.observe(-1.5e308);
  EXPECT_EQ(rule.observe(1.5e308), verdict{});
  const std::vector<double> huge(20, 1.5e308);
  EXPECT_EQ(test::stop_of(plateau{direction::minimize, {.window = 2, .scale = delta_scale::relative}}, huge),
            0U);
}

TEST(plateau_test, refuses_options_out_of_range) {
  const plateau rule{direction::maximize};
  EXPECT_EQ(rule.options().window, 100U);
  EXPECT_EQ(rule.options().tolerance, 0.0);
  EXPECT_EQ(rule.better(), direction::maximize);
  EXPECT_THAT([] { plateau bad(direction::minimize, {.window = 0}); },
              ThrowsMessage<std::invalid_argument>("plateau: window must be at least 1, not 0"));
  EXPECT_THAT(
      [] { plateau bad(direction::minimize, {.tolerance = -1.0}); },
      ThrowsMessage<std::invalid_argument>("plateau: tolerance must be finite and at least 0, not -1"));
  EXPECT_THAT(
      [] { plateau bad(direction::minimize, {.tolerance = HUGE_VAL}); },
      ThrowsMessage<std::invalid_argument>("plateau: tolerance must be finite and at least 0, not inf"));
}

TEST(plateau_test, state_and_reset_are_exact_and_nothing_allocates) {
  const auto values = test::eventful_values();
  test::expect_a_sound_criterion(plateau{direction::minimize, {.window = 9}}, values);
  test::expect_a_sound_criterion(
      plateau{direction::maximize, {.window = 6, .tolerance = 0.01, .scale = delta_scale::relative}}, values);
}

TEST(plateau_test, refuses_a_state_of_other_options_and_stays_as_it_was) {
  plateau rule{direction::minimize, {.window = 4}};
  rule.observe(1.0);
  const auto before = save_state(rule);
  const auto load = [&](direction better, const plateau_options& options) {
    return [&rule, better, options] { load_state(rule, save_state(plateau{better, options})); };
  };
  EXPECT_THAT(load(direction::maximize, {.window = 4}),
              ThrowsMessage<state_error>(
                  "saved state: plateau's direction is maximize in the saved state and minimize here"));
  EXPECT_THAT(load(direction::minimize, {.window = 5}),
              ThrowsMessage<state_error>("saved state: plateau's window is 5 in the saved state and 4 here"));
  EXPECT_THAT(
      load(direction::minimize, {.window = 4, .tolerance = 1.0}),
      ThrowsMessage<state_error>("saved state: plateau's tolerance is 1 in the saved state and 0 here"));
  EXPECT_THAT(load(direction::minimize, {.window = 4, .scale = delta_scale::relative}),
              ThrowsMessage<state_error>(
                  "saved state: plateau's scale is relative in the saved state and absolute here"));
  EXPECT_EQ(save_state(rule), before);
}

TEST(plateau_test, reports_its_progress) {
  plateau rule{direction::minimize, {.window = 2, .tolerance = 0.25}};
  const stop_bound bound{stop_bound::comparison::less_equal, 0.25};
  for (const double value : {8.0, 6.0, 5.0, 4.0}) {
    rule.observe(value);
    const auto values = reported_values(rule);
    ASSERT_EQ(values.size(), 1U);
    EXPECT_EQ(values[0].rule, "plateau");
    EXPECT_EQ(values[0].name, "progress");
    EXPECT_EQ(values[0].value, rule.progress());
    EXPECT_EQ(values[0].stops, bound);
  }
  EXPECT_EQ(reported_values(rule)[0].value, 2.5);
}

TEST(plateau_test, its_options_name_every_member_once) {
  [[maybe_unused]] const auto [window, tolerance, scale] = plateau_options{};
  const auto [first, second, third] = plateau_options::fields();
  EXPECT_EQ(first.name, "window");
  EXPECT_EQ(first.member, &plateau_options::window);
  EXPECT_EQ(second.name, "tolerance");
  EXPECT_EQ(second.member, &plateau_options::tolerance);
  EXPECT_EQ(third.name, "scale");
  EXPECT_EQ(third.member, &plateau_options::scale);
}

}  // namespace
}  // namespace dvar
