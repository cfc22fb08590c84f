#include <cmath>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/successive_rises.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;
using testing::ThrowsMessage;

TEST(successive_rises_test, counts_rises_from_strip_to_strip) {
  successive_rises rule{direction::minimize, {.rises = 2, .strip = 2}};
  for (const double value : {9.0, 1.0, 9.0})
    EXPECT_EQ(rule.observe(value), verdict{.warming_up = true});
  EXPECT_EQ(rule.reason(), "warming up: 3 of two times 2 observations");
  EXPECT_EQ(rule.observe(2.0), verdict{.statistic = 1.0});
  EXPECT_EQ(rule.observe(0.0), verdict{.statistic = 1.0});
  EXPECT_EQ(rule.observe(3.0), (verdict{.stop = true, .rule = "successive_rises", .statistic = 2.0}));
  EXPECT_EQ(rule.reason(), "worse 2 times in a row, of 2, at strips of 2, at observation 6");
  // In the middle of the next strip that verdict stands.
  EXPECT_TRUE(rule.observe(0.0).stop);
  EXPECT_EQ(rule.observe(2.5), verdict{.statistic = 0.0});
}

/// The definition, from the whole history.
std::size_t defined_stop(std::span<const double> errors, const successive_rises_options& options) {
  const std::size_t k = options.strip;
  for (std::size_t t = k; t <= errors.size(); t += k) {
    bool stop = t >= (options.rises + 1) * k;
    for (std::size_t j = 0; stop && j < options.rises; ++j)
      stop = errors[t - j * k - 1] > errors[t - (j + 1) * k - 1];
    if (stop) return t;
  }
  return 0;
}

TEST(successive_rises_test, stops_where_the_definition_does_over_the_whole_history) {
  std::mt19937_64 engine{5};
  std::size_t stops = 0;
  for (int run = 0; run < 400; ++run) {
    const successive_rises_options options{.rises = 1 + engine() % 5, .strip = 1 + engine() % 6};
    std::vector<double> errors;
    for (int i = 0; i < 150; ++i)
      errors.push_back(static_cast<double>(engine() % 8));
    const auto expected = defined_stop(errors, options);
    stops += expected > 0 ? 1 : 0;
    EXPECT_EQ(stop_of(successive_rises{direction::minimize, options}, errors), expected) << run;
    for (double& error : errors)
      error = -error;
    EXPECT_EQ(stop_of(successive_rises{direction::maximize, options}, errors), expected) << run;
  }
  EXPECT_GT(stops, 100U);
  EXPECT_LT(stops, 400U);
}

TEST(successive_rises_test, the_earliest_stop_is_one_strip_after_the_rises) {
  std::vector<double> rising;
  for (int i = 0; i < 100; ++i)
    rising.push_back(i);
  EXPECT_EQ(stop_of(successive_rises{direction::minimize, {.rises = 3, .strip = 5}}, rising), 20U);
  EXPECT_EQ(stop_of(successive_rises{direction::minimize, {.rises = 1, .strip = 1}}, rising), 2U);
  EXPECT_EQ(stop_of(successive_rises{direction::maximize, {.rises = 1, .strip = 1}}, rising), 0U);
}

TEST(successive_rises_test, an_equal_value_ends_the_row) {
  const successive_rises rule{direction::minimize, {.rises = 2, .strip = 1}};
  EXPECT_EQ(stop_of(rule, std::vector{1.0, 2.0, 2.0, 3.0}), 0U);
  EXPECT_EQ(stop_of(rule, std::vector{1.0, 2.0, 2.0, 3.0, 4.0}), 5U);
}

TEST(successive_rises_test, a_nan_ends_the_row_and_infinities_are_compared) {
  const successive_rises rule{direction::minimize, {.rises = 2, .strip = 1}};
  EXPECT_EQ(stop_of(rule, std::vector{1.0, 2.0, std::nan(""), 3.0, 4.0}), 0U);
  EXPECT_EQ(stop_of(rule, std::vector{1.0, 2.0, std::nan(""), 3.0, 4.0, 5.0}), 6U);
  EXPECT_EQ(stop_of(rule, std::vector{-HUGE_VAL, 2.0, HUGE_VAL}), 3U);
  EXPECT_EQ(stop_of(rule, std::vector{2.0, HUGE_VAL, HUGE_VAL}), 0U);
}

TEST(successive_rises_test, on_white_noise_a_row_comes_by_chance_as_often_as_its_order_does) {
  // Of the 24 orders of four independent values one is rising.
  std::mt19937_64 engine{6};
  std::normal_distribution<double> normal;
  successive_rises rule{direction::minimize, {.rises = 3, .strip = 1}};
  int stops = 0;
  for (int i = 0; i < 240000; ++i)
    stops += rule.observe(normal(engine)).stop ? 1 : 0;
  EXPECT_NEAR(stops, 10000, 500);
}

TEST(successive_rises_test, refuses_options_out_of_range) {
  EXPECT_EQ(successive_rises{direction::minimize}.options().rises, 3U);
  EXPECT_EQ(successive_rises{direction::minimize}.options().strip, 5U);
  EXPECT_THAT([] { successive_rises rule(direction::minimize, {.rises = 0}); },
              ThrowsMessage<std::invalid_argument>("successive_rises: rises must be at least 1, not 0"));
  EXPECT_THAT([] { successive_rises rule(direction::minimize, {.strip = 0}); },
              ThrowsMessage<std::invalid_argument>("successive_rises: strip must be at least 1, not 0"));
}

TEST(successive_rises_test, state_and_reset_are_exact_and_nothing_allocates) {
  for (const auto better : {direction::minimize, direction::maximize}) {
    test::expect_a_sound_criterion(successive_rises{better, {.rises = 2, .strip = 3}},
                                   test::eventful_values());
  }
}

TEST(successive_rises_test, refuses_a_state_of_other_options_and_stays_as_it_was) {
  successive_rises rule{direction::minimize};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT(
      [&] { load_state(rule, save_state(successive_rises{direction::maximize})); },
      ThrowsMessage<state_error>(
          "saved state: successive_rises's direction is maximize in the saved state and minimize here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(successive_rises{direction::minimize, {.rises = 2}})); },
      ThrowsMessage<state_error>("saved state: successive_rises's rises is 2 in the saved state and 3 here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(successive_rises{direction::minimize, {.strip = 2}})); },
      ThrowsMessage<state_error>("saved state: successive_rises's strip is 2 in the saved state and 5 here"));
  EXPECT_EQ(save_state(rule), before);
}

TEST(successive_rises_test, reports_the_rises_in_a_row) {
  successive_rises rule{direction::minimize, {.rises = 2, .strip = 1}};
  const stop_bound bound{stop_bound::comparison::greater_equal, 2.0};
  for (const double value : {1.0, 2.0, 3.0}) {
    const std::optional<double> rises = rule.observe(value).statistic;
    const auto values = reported_values(rule);
    ASSERT_EQ(values.size(), 1U);
    EXPECT_EQ(values[0].rule, "successive_rises");
    EXPECT_EQ(values[0].name, "rises");
    EXPECT_EQ(values[0].value, rises);
    EXPECT_EQ(values[0].stops, bound);
  }
  EXPECT_EQ(reported_values(rule)[0].value, 2.0);
  EXPECT_EQ(reported_values(successive_rises{direction::minimize})[0].value, std::nullopt);
}

TEST(successive_rises_test, its_options_name_every_member_once) {
  [[maybe_unused]] const auto [rises, strip] = successive_rises_options{};
  const auto [first, second] = successive_rises_options::fields();
  EXPECT_EQ(first.name, "rises");
  EXPECT_EQ(first.member, &successive_rises_options::rises);
  EXPECT_EQ(second.name, "strip");
  EXPECT_EQ(second.member, &successive_rises_options::strip);
}

}  // namespace
}  // namespace dvar
