#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/progress_quotient.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

const double quotient_infinity = std::numeric_limits<double>::infinity();

TEST(progress_quotient_test, is_loss_over_progress_at_the_end_of_a_strip) {
  // python3 -c "
  // E = [4, 3, 2, 2.2, 2.1, 2.6]
  // for t in (2, 4, 6): s = E[t - 2:t]; gl = 100 * (E[t - 1] / min(E[:t]) - 1); print(gl / (1000 * (sum(s) / 2 / min(s) - 1)))"
  // 0.0
  // 0.2
  // 0.252
  progress_quotient rule{direction::minimize, {.alpha = 0.22, .strip = 2}};
  EXPECT_EQ(rule.observe(4.0), verdict{.warming_up = true});
  EXPECT_EQ(rule.reason(), "warming up: 1 of 2 observations");
  EXPECT_EQ(rule.observe(3.0), verdict{.statistic = 0.0});
  EXPECT_EQ(rule.observe(2.0), verdict{.statistic = 0.0});
  EXPECT_NEAR(rule.observe(2.2).statistic.value(), 0.2, 1e-14);
  EXPECT_EQ(
      rule.reason(),
      "generalization loss over the progress of 2 observations is 0.2, not above 0.22, at observation 4");
  rule.observe(2.1);
  const auto stop = rule.observe(2.6);
  EXPECT_TRUE(stop.stop);
  EXPECT_EQ(stop.rule, "progress_quotient");
  EXPECT_NEAR(stop.statistic.value(), 0.252, 1e-14);
  // In the middle of the next strip that verdict stands.
  EXPECT_EQ(rule.observe(1.0), stop);
  EXPECT_EQ(rule.reason(),
            "generalization loss over the progress of 2 observations is 0.252, above 0.22, at observation 6");
  EXPECT_FALSE(rule.observe(0.5).stop);
}

/// The definition, from the whole history.
std::size_t defined_stop(std::span<const double> errors, direction better,
                         const progress_quotient_options& options) {
  const bool minimizing = better == direction::minimize;
  for (std::size_t t = options.strip; t <= errors.size(); t += options.strip) {
    const auto all = errors.first(t);
    const auto strip = all.last(options.strip);
    const auto best = [&](auto values) {
      return minimizing ? *std::min_element(values.begin(), values.end())
                        : *std::max_element(values.begin(), values.end());
    };
    const double sign = minimizing ? 1.0 : -1.0;
    const double mean = std::accumulate(strip.begin(), strip.end(), 0.0) / static_cast<double>(options.strip);
    const double loss = 100.0 * sign * (all.back() / best(all) - 1.0);
    const double progress = 1000.0 * sign * (mean / best(strip) - 1.0);
    if (loss / progress > options.alpha) return t;
  }
  return 0;
}

TEST(progress_quotient_test, stops_where_the_definition_does_over_the_whole_history) {
  std::mt19937_64 engine{4};
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> unit;
  std::size_t stops = 0;
  for (int run = 0; run < 400; ++run) {
    const progress_quotient_options options{.alpha = 0.3 + unit(engine), .strip = 2 + engine() % 9};
    const direction better = run % 2 == 0 ? direction::minimize : direction::maximize;
    const double overfit = unit(engine) < 0.3 ? 0.0 : 0.03 * unit(engine);
    std::vector<double> errors;
    for (int i = 0; i < 200; ++i) {
      const double t = 0.02 * i;
      const double error = 1.0 + std::exp(-t) + overfit * t * t + 0.02 * overfit * normal(engine);
      errors.push_back(better == direction::minimize ? error : 3.0 - error);
    }
    const auto expected = defined_stop(errors, better, options);
    stops += expected > 0 ? 1 : 0;
    EXPECT_EQ(test::stop_of(progress_quotient{better, options}, errors), expected) << run;
  }
  EXPECT_GT(stops, 100U);
  EXPECT_LT(stops, 400U);
}

TEST(progress_quotient_test, a_strip_without_progress_stops_unless_it_is_at_the_best) {
  progress_quotient rule{direction::minimize, {.strip = 3}};
  for (int i = 0; i < 3; ++i)
    rule.observe(0.1);
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_EQ(rule.reason(), "the progress quotient is undefined at observation 3");
  for (int i = 0; i < 3; ++i)
    rule.observe(0.3);
  EXPECT_EQ(rule.latest(),
            (verdict{.stop = true, .rule = "progress_quotient", .statistic = quotient_infinity}));
}

TEST(progress_quotient_test, a_large_offset_costs_no_precision) {
  progress_quotient rule{direction::minimize, {.strip = 3}};
  // The strip 1e9 + {0.5, 0.25, 0.375}: best 1e9 + 0.25, mean 0.125 above it, and so is the last.
  for (const double value : {0.5, 0.25, 0.375})
    rule.observe(1e9 + value);
  EXPECT_DOUBLE_EQ(rule.quotient().value(), 100.0 / 1000.0);
}

TEST(progress_quotient_test, is_undefined_in_a_strip_that_is_not_finite_and_not_after_it) {
  for (const double bad : {std::nan(""), quotient_infinity}) {
    for (std::size_t at = 0; at < 2; ++at) {
      progress_quotient rule{direction::minimize, {.strip = 2}};
      for (std::size_t i = 0; i < 2; ++i)
        rule.observe(i == at ? bad : 2.0);
      EXPECT_EQ(rule.latest(), verdict{});
      rule.observe(2.0);
      EXPECT_EQ(rule.observe(1.0), verdict{.statistic = 0.0});
    }
  }
}

TEST(progress_quotient_test, is_undefined_while_the_best_is_not_positive) {
  progress_quotient rule{direction::minimize, {.strip = 2}};
  rule.observe(-1.0);
  EXPECT_EQ(rule.observe(1.0), verdict{});
  rule.observe(1.0);
  EXPECT_EQ(rule.observe(2.0), verdict{});
}

TEST(progress_quotient_test, refuses_options_out_of_range) {
  EXPECT_EQ(progress_quotient{direction::minimize}.options().alpha, 0.75);
  EXPECT_EQ(progress_quotient{direction::minimize}.options().strip, 5U);
  EXPECT_THAT([] { progress_quotient rule(direction::minimize, {.alpha = -0.5}); },
              ThrowsMessage<std::invalid_argument>(
                  "progress_quotient: alpha must be finite and at least 0, not -0.5"));
  EXPECT_THAT([] { progress_quotient rule(direction::minimize, {.strip = 1}); },
              ThrowsMessage<std::invalid_argument>("progress_quotient: strip must be at least 2, not 1"));
}

TEST(progress_quotient_test, state_and_reset_are_exact_and_nothing_allocates) {
  for (const auto better : {direction::minimize, direction::maximize})
    test::expect_a_sound_criterion(progress_quotient{better}, test::eventful_values());
}

TEST(progress_quotient_test, refuses_a_state_of_other_options_and_stays_as_it_was) {
  progress_quotient rule{direction::minimize};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT([&] { load_state(rule, save_state(progress_quotient{direction::minimize, {.alpha = 1.5}})); },
              ThrowsMessage<state_error>(
                  "saved state: progress_quotient's alpha is 1.5 in the saved state and 0.75 here"));
  EXPECT_THAT([&] { load_state(rule, save_state(progress_quotient{direction::minimize, {.strip = 6}})); },
              ThrowsMessage<state_error>(
                  "saved state: progress_quotient's strip is 6 in the saved state and 5 here"));
  EXPECT_THAT([&] { load_state(rule, save_state(progress_quotient{direction::maximize})); },
              ThrowsMessage<state_error>(
                  "saved state: best_value's direction is maximize in the saved state and minimize here"));
  EXPECT_EQ(save_state(rule), before);
}

TEST(progress_quotient_test, reports_the_best_and_its_quotient) {
  progress_quotient rule{direction::minimize, {.alpha = 0.22, .strip = 2}};
  const stop_bound bound{stop_bound::comparison::greater, 0.22};
  for (const double value : {4.0, 3.0, 2.0, 2.2}) {
    rule.observe(value);
    const auto values = reported_values(rule);
    ASSERT_EQ(values.size(), 2U);
    EXPECT_EQ(values[0].rule, "progress_quotient");
    EXPECT_EQ(values[0].name, "best");
    EXPECT_EQ(values[0].value, rule.best().value());
    EXPECT_EQ(values[0].stops, std::nullopt);
    EXPECT_EQ(values[1].rule, "progress_quotient");
    EXPECT_EQ(values[1].name, "progress_quotient");
    EXPECT_EQ(values[1].value, rule.quotient());
    EXPECT_EQ(values[1].stops, bound);
  }
  EXPECT_NEAR(reported_values(rule)[1].value.value(), 0.2, 1e-14);
  EXPECT_EQ(reported_values(progress_quotient{direction::minimize})[1].value, std::nullopt);
}

TEST(progress_quotient_test, its_options_name_every_member_once) {
  [[maybe_unused]] const auto [alpha, strip] = progress_quotient_options{};
  const auto [first, second] = progress_quotient_options::fields();
  EXPECT_EQ(first.name, "alpha");
  EXPECT_EQ(first.member, &progress_quotient_options::alpha);
  EXPECT_EQ(second.name, "strip");
  EXPECT_EQ(second.member, &progress_quotient_options::strip);
}

}  // namespace
}  // namespace dvar
