#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/generalization_loss.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using testing::DoubleEq;
using testing::Optional;
using testing::ThrowsMessage;

const double loss_infinity = std::numeric_limits<double>::infinity();

TEST(generalization_loss_test, is_the_excess_over_the_best_in_percent) {
  // python3 -c "E = [4, 3.2, 2, 2.03, 2.04, 2.05]; print([100 * (e / min(E[:i + 1]) - 1) for i, e in enumerate(E)])"
  // [0.0, 0.0, 0.0, 1.4999999999999902, 2.0000000000000018, 2.499999999999991]
  generalization_loss rule{direction::minimize, {.alpha = 2.2}};
  for (const double value : {4.0, 3.2, 2.0})
    EXPECT_EQ(rule.observe(value), verdict{.statistic = 0.0});
  EXPECT_NEAR(rule.observe(2.03).statistic.value(), 1.4999999999999902, 1e-13);
  EXPECT_NEAR(rule.observe(2.04).statistic.value(), 2.0000000000000018, 1e-13);
  EXPECT_EQ(rule.reason(), "observation 5 is 2 % worse than the best, observation 3: not above 2.2 %");
  const auto stop = rule.observe(2.05);
  EXPECT_TRUE(stop.stop);
  EXPECT_EQ(stop.rule, "generalization_loss");
  EXPECT_NEAR(stop.statistic.value(), 2.499999999999991, 1e-13);
  EXPECT_EQ(rule.reason(), "observation 6 is 2.5 % worse than the best, observation 3: above 2.2 %");
  EXPECT_FALSE(rule.observe(1.9).stop);
}

TEST(generalization_loss_test, stops_where_the_definition_does_over_the_whole_history) {
  std::mt19937_64 engine{3};
  std::normal_distribution<double> normal;
  std::size_t stops = 0;
  for (int run = 0; run < 300; ++run) {
    const double alpha = 0.5 + 0.02 * run;
    std::vector<double> errors;
    std::size_t expected = 0;
    for (int i = 0; i < 200; ++i) {
      const double t = 0.02 * i;
      errors.push_back(1.0 + std::exp(-t) + 0.02 * t * t + 0.01 * normal(engine));
      const double least = *std::min_element(errors.begin(), errors.end());
      if (expected == 0 && 100.0 * (errors.back() / least - 1.0) > alpha) expected = errors.size();
    }
    stops += expected > 0 ? 1 : 0;
    EXPECT_EQ(test::stop_of(generalization_loss{direction::minimize, {.alpha = alpha}}, errors), expected)
        << run;
  }
  EXPECT_GT(stops, 200U);
}

TEST(generalization_loss_test, maximizing_it_is_the_percentage_below_the_best) {
  generalization_loss rule{direction::maximize, {.alpha = 25.0}};
  EXPECT_EQ(rule.observe(0.5).statistic, 0.0);
  EXPECT_EQ(rule.observe(0.8).statistic, 0.0);
  EXPECT_THAT(rule.observe(0.6).statistic, Optional(DoubleEq(25.0)));
  EXPECT_TRUE(rule.observe(0.4).stop);
  EXPECT_THAT(rule.loss(), Optional(DoubleEq(50.0)));
}

TEST(generalization_loss_test, equal_values_have_exactly_none) {
  generalization_loss rule{direction::minimize, {.alpha = 0.0}};
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(rule.observe(0.1), verdict{.statistic = 0.0});
}

TEST(generalization_loss_test, is_undefined_while_the_best_is_not_positive_and_finite) {
  EXPECT_EQ(generalization_loss{direction::minimize}.latest(), verdict{});
  for (const double best : {0.0, -1.0, -loss_infinity}) {
    generalization_loss rule{direction::minimize};
    rule.observe(best);
    EXPECT_EQ(rule.observe(5.0), verdict{});
    EXPECT_EQ(rule.reason(), "the generalization loss is undefined at observation 2");
  }
  generalization_loss rule{direction::maximize};
  rule.observe(loss_infinity);
  EXPECT_EQ(rule.observe(5.0), verdict{});
}

TEST(generalization_loss_test, a_nan_is_passed_over_and_an_infinite_loss_stops) {
  generalization_loss rule{direction::minimize};
  EXPECT_EQ(rule.observe(std::nan("")), verdict{});
  EXPECT_EQ(rule.observe(2.0), verdict{.statistic = 0.0});
  EXPECT_EQ(rule.observe(std::nan("")), verdict{});
  EXPECT_EQ(rule.observe(loss_infinity),
            (verdict{.stop = true, .rule = "generalization_loss", .statistic = loss_infinity}));
  EXPECT_EQ(rule.observe(2.0), verdict{.statistic = 0.0});
  EXPECT_EQ(rule.best().observation(), 2U);
}

TEST(generalization_loss_test, refuses_options_out_of_range) {
  EXPECT_EQ(generalization_loss{direction::minimize}.options().alpha, 2.0);
  EXPECT_THAT([] { generalization_loss rule(direction::minimize, {.alpha = -1.0}); },
              ThrowsMessage<std::invalid_argument>(
                  "generalization_loss: alpha must be finite and at least 0, not -1"));
  EXPECT_THAT([] { generalization_loss rule(direction::minimize, {.alpha = std::nan("")}); },
              ThrowsMessage<std::invalid_argument>(
                  "generalization_loss: alpha must be finite and at least 0, not nan"));
}

TEST(generalization_loss_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(generalization_loss{direction::minimize, {.alpha = 10.0}},
                                 test::eventful_values());
  test::expect_a_sound_criterion(generalization_loss{direction::maximize, {.alpha = 10.0}},
                                 test::eventful_values());
}

TEST(generalization_loss_test, refuses_the_state_of_another_rule_and_stays_as_it_was) {
  generalization_loss rule{direction::minimize};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT([&] { load_state(rule, save_state(generalization_loss{direction::minimize, {.alpha = 3.0}})); },
              ThrowsMessage<state_error>(
                  "saved state: generalization_loss's alpha is 3 in the saved state and 2 here"));
  EXPECT_THAT([&] { load_state(rule, save_state(generalization_loss{direction::maximize})); },
              ThrowsMessage<state_error>(
                  "saved state: best_value's direction is maximize in the saved state and minimize here"));
  EXPECT_EQ(save_state(rule), before);
}

TEST(generalization_loss_test, reports_the_best_and_the_loss) {
  generalization_loss rule{direction::minimize, {.alpha = 10.0}};
  test::expect_report(rule, {{"best"}, {"generalization_loss", std::nullopt, test::stops_above(10.0)}});
  rule.observe(2.0);
  rule.observe(2.5);
  ASSERT_TRUE(rule.loss());
  test::expect_report(rule, {{"best", 2.0}, {"generalization_loss", rule.loss(), test::stops_above(10.0)}});
  rule.observe(std::nan(""));
  test::expect_report(rule, {{"best", 2.0}, {"generalization_loss", std::nullopt, test::stops_above(10.0)}});
  test::expect_report_as_the_verdict(rule, test::eventful_values());
}

TEST(generalization_loss_test, its_fields_are_its_options) {
  test::expect_fields<generalization_loss_options>({"alpha"});
}

}  // namespace
}  // namespace dvar
