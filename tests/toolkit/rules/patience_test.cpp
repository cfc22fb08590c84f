#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/patience.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;
using testing::ThrowsMessage;

const double patience_infinity = std::numeric_limits<double>::infinity();

std::size_t stop_minimizing(const patience_options& options, const std::vector<double>& values) {
  return stop_of(patience{direction::minimize, options}, values);
}

TEST(patience_test, stops_at_the_observation_that_exhausts_it) {
  patience rule{direction::minimize, {.patience = 2}};
  EXPECT_EQ(rule.observe(1.0), verdict{.statistic = 0.0});
  EXPECT_EQ(rule.observe(2.0), verdict{.statistic = 1.0});
  EXPECT_EQ(rule.observe(0.5), verdict{.statistic = 0.0});
  EXPECT_EQ(rule.observe(0.6), verdict{.statistic = 1.0});
  EXPECT_EQ(rule.observe(0.7), (verdict{.stop = true, .rule = "patience", .statistic = 2.0}));
  EXPECT_EQ(
      rule.reason(),
      "2 observations without improvement, patience 2, at observation 5; the best is 0.5 at observation 3");
  EXPECT_EQ(rule.wait(), 2U);
}

TEST(patience_test, maximizing_is_the_mirror_image) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const auto values = test::eventful_values(seed);
    auto mirrored = values;
    for (double& value : mirrored)
      value = -value;
    for (const double min_delta : {0.0, 0.25}) {
      const patience_options options{.patience = 4, .min_delta = min_delta};
      const auto stop = stop_of(patience{direction::minimize, options}, values);
      EXPECT_GT(stop, 0U);
      EXPECT_EQ(stop_of(patience{direction::maximize, options}, mirrored), stop);
    }
  }
}

TEST(patience_test, equal_values_are_no_improvement) {
  EXPECT_EQ(stop_minimizing({.patience = 3}, {1.0, 1.0, 1.0, 1.0, 1.0}), 4U);
}

TEST(patience_test, min_delta_is_to_be_exceeded) {
  // Multiples of 1/4, so that nothing is rounded.
  EXPECT_EQ(stop_minimizing({.patience = 1, .min_delta = 0.25}, {1.0, 0.75}), 2U);
  EXPECT_EQ(stop_minimizing({.patience = 1, .min_delta = 0.25}, {1.0, 0.5}), 0U);
}

TEST(patience_test, a_relative_min_delta_scales_with_the_reference) {
  const patience_options options{.patience = 1, .min_delta = 0.25, .scale = delta_scale::relative};
  EXPECT_EQ(stop_minimizing(options, {16.0, 12.0}), 2U);
  EXPECT_EQ(stop_minimizing(options, {16.0, 11.0}), 0U);
  EXPECT_EQ(stop_minimizing(options, {-16.0, -20.0}), 2U);
  EXPECT_EQ(stop_minimizing(options, {-16.0, -21.0}), 0U);
}

TEST(patience_test, small_gains_add_up_unless_they_are_measured_from_the_best) {
  const std::vector<double> falling{8.0, 7.75, 7.5, 7.25, 7.0, 6.75, 6.5, 6.25, 6.0};
  EXPECT_EQ(stop_minimizing({.patience = 3, .min_delta = 0.5}, falling), 0U);
  EXPECT_EQ(
      stop_minimizing({.patience = 3, .min_delta = 0.5, .measured_from = delta_reference::best}, falling),
      4U);
}

TEST(patience_test, min_delta_does_not_hide_the_best) {
  patience rule{direction::minimize, {.patience = 9, .min_delta = 1.0}};
  for (const double value : {5.0, 4.5, 4.25, 4.75})
    rule.observe(value);
  EXPECT_EQ(rule.wait(), 3U);
  EXPECT_EQ(rule.best().value(), 4.25);
  EXPECT_EQ(rule.best().observation(), 3U);
}

TEST(patience_test, a_baseline_keeps_the_wait_going_until_it_is_beaten) {
  // Improves at every observation, so that none stops, though the wait is beyond the patience.
  const patience_options options{.patience = 2, .baseline = 1.0};
  patience rule{direction::minimize, options};
  for (const double value : {5.0, 4.0, 3.0})
    EXPECT_FALSE(rule.observe(value).stop);
  EXPECT_EQ(rule.wait(), 3U);
  EXPECT_TRUE(rule.observe(3.5).stop);
  EXPECT_EQ(stop_minimizing(options, {5.0, 0.5, 0.75, 0.75}), 4U);
}

TEST(patience_test, ignores_what_is_before_its_start) {
  patience rule{direction::minimize, {.patience = 1, .start_from = 2}};
  EXPECT_EQ(rule.observe(1.0), verdict{.warming_up = true});
  EXPECT_EQ(rule.reason(), "warming up: 1 of 2 observations that are not judged");
  EXPECT_EQ(rule.observe(2.0), verdict{.warming_up = true});
  // Judged, and the first: the better values before it are not its rivals.
  EXPECT_EQ(rule.observe(3.0), verdict{.statistic = 0.0});
  EXPECT_TRUE(rule.observe(3.0).stop);
  EXPECT_EQ(rule.best().value(), 1.0);
}

TEST(patience_test, a_nan_is_no_improvement) {
  const double nan = std::nan("");
  EXPECT_EQ(stop_minimizing({.patience = 2}, {1.0, nan, nan}), 3U);
  EXPECT_EQ(stop_minimizing({.patience = 2}, {nan, nan, 1.0}), 2U);
  EXPECT_EQ(stop_minimizing({.patience = 2}, {nan, 1.0, nan, 0.5}), 0U);
  patience rule{direction::minimize};
  rule.observe(nan);
  EXPECT_EQ(rule.reason(),
            "1 observations without improvement, patience 3, at observation 1; there is no best");
}

TEST(patience_test, the_first_observation_can_be_accepted_unseen) {
  const patience_options options{.patience = 2, .first = first_observation::accepted};
  const double nan = std::nan("");
  // Nothing is better than a NaN, nor worse: as in Keras, no later value improves on it.
  EXPECT_EQ(stop_minimizing(options, {nan, 1.0, 0.5}), 3U);
  EXPECT_EQ(stop_minimizing(options, {patience_infinity, patience_infinity, patience_infinity}), 3U);
  EXPECT_EQ(stop_minimizing({.patience = 2}, {patience_infinity, patience_infinity, patience_infinity}), 2U);
  EXPECT_EQ(stop_minimizing(options, {patience_infinity, 2.0, 3.0, 3.0}), 4U);
}

TEST(patience_test, an_infinite_reference_works_with_a_relative_min_delta) {
  const patience_options options{
      .patience = 1, .min_delta = 0.25, .scale = delta_scale::relative, .first = first_observation::accepted};
  EXPECT_EQ(stop_minimizing(options, {patience_infinity, 1.0, 0.5}), 0U);
  EXPECT_EQ(stop_minimizing(options, {-patience_infinity, -1.0}), 2U);
}

TEST(patience_test, an_improvement_takes_a_stop_back) {
  patience rule{direction::minimize, {.patience = 1}};
  rule.observe(1.0);
  EXPECT_TRUE(rule.observe(1.0).stop);
  EXPECT_TRUE(rule.observe(1.0).stop);
  EXPECT_FALSE(rule.observe(0.5).stop);
}

TEST(patience_test, its_defaults_are_the_published_ones) {
  const patience rule{direction::minimize};
  EXPECT_EQ(rule.options().patience, 3U);
  EXPECT_EQ(rule.options().min_delta, 0.0);
  EXPECT_EQ(rule.better(), direction::minimize);
}

TEST(patience_test, refuses_options_out_of_range) {
  const auto construct = [](const patience_options& options) {
    return [options] { patience rule(direction::minimize, options); };
  };
  EXPECT_THAT(construct({.patience = 0}),
              ThrowsMessage<std::invalid_argument>("patience: patience must be at least 1, not 0"));
  EXPECT_THAT(
      construct({.min_delta = -0.5}),
      ThrowsMessage<std::invalid_argument>("patience: min_delta must be finite and at least 0, not -0.5"));
  EXPECT_THAT(
      construct({.min_delta = patience_infinity}),
      ThrowsMessage<std::invalid_argument>("patience: min_delta must be finite and at least 0, not inf"));
  EXPECT_THAT(construct({.baseline = std::nan("")}),
              ThrowsMessage<std::invalid_argument>("patience: baseline must be finite, not nan"));
}

TEST(patience_test, state_and_reset_are_exact_and_nothing_allocates) {
  const auto values = test::eventful_values();
  test::expect_a_sound_criterion(patience{direction::minimize}, values);
  test::expect_a_sound_criterion(patience{direction::maximize,
                                          {.patience = 7,
                                           .min_delta = 0.1,
                                           .scale = delta_scale::relative,
                                           .measured_from = delta_reference::best,
                                           .first = first_observation::accepted,
                                           .baseline = 9.0,
                                           .start_from = 20}},
                                 values);
}

TEST(patience_test, refuses_a_state_of_other_options_and_stays_as_it_was) {
  patience rule{direction::minimize, {.patience = 4, .baseline = 0.5}};
  rule.observe(1.0);
  const auto before = save_state(rule);
  const auto load = [&](direction better, const patience_options& options) {
    return [&rule, better, options] { load_state(rule, save_state(patience{better, options})); };
  };
  const auto refused = [](const char* difference) {
    return ThrowsMessage<state_error>(std::string("saved state: ") + difference);
  };
  EXPECT_THAT(load(direction::minimize, {.patience = 5, .baseline = 0.5}),
              refused("patience's patience is 5 in the saved state and 4 here"));
  EXPECT_THAT(load(direction::minimize, {.patience = 4, .min_delta = 0.25, .baseline = 0.5}),
              refused("patience's min_delta is 0.25 in the saved state and 0 here"));
  EXPECT_THAT(load(direction::minimize, {.patience = 4, .scale = delta_scale::relative, .baseline = 0.5}),
              refused("patience's scale is relative in the saved state and absolute here"));
  EXPECT_THAT(
      load(direction::minimize, {.patience = 4, .measured_from = delta_reference::best, .baseline = 0.5}),
      refused("patience's measured_from is best in the saved state and last_improvement here"));
  EXPECT_THAT(
      load(direction::minimize, {.patience = 4, .first = first_observation::accepted, .baseline = 0.5}),
      refused("patience's first is accepted in the saved state and against_infinity here"));
  EXPECT_THAT(load(direction::minimize, {.patience = 4}),
              refused("patience's baseline is none in the saved state and 0.5 here"));
  EXPECT_THAT(load(direction::minimize, {.patience = 4, .baseline = 0.5, .start_from = 2}),
              refused("patience's start_from is 2 in the saved state and 0 here"));
  EXPECT_THAT(load(direction::maximize, {.patience = 4, .baseline = 0.5}),
              refused("best_value's direction is maximize in the saved state and minimize here"));
  EXPECT_EQ(save_state(rule), before);
}

TEST(patience_test, reports_the_best_and_the_wait) {
  patience rule{direction::minimize, {.patience = 4, .min_delta = 1.0, .start_from = 1}};
  const auto stops = test::stops_from(4.0);
  test::expect_report(rule, {{"best"}, {"wait", std::nullopt, stops}});
  rule.observe(5.0);
  test::expect_report(rule, {{"best", 5.0}, {"wait", std::nullopt, stops}});
  for (const double value : {5.0, 4.5, 4.75})
    rule.observe(value);
  EXPECT_EQ(rule.wait(), 2U);
  test::expect_report(rule, {{"best", 4.5}, {"wait", 2.0, stops}});
  test::expect_report_as_the_verdict(rule, test::eventful_values());
}

TEST(patience_test, its_fields_are_its_options) {
  test::expect_fields<patience_options>(
      {"patience", "min_delta", "scale", "measured_from", "first", "baseline", "start_from"});
  EXPECT_EQ(enumerator_names(delta_reference{})[static_cast<std::size_t>(delta_reference::best)], "best");
  EXPECT_EQ(enumerator_names(first_observation{})[static_cast<std::size_t>(first_observation::accepted)],
            "accepted");
}

}  // namespace
}  // namespace dvar
