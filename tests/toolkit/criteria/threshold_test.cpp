#include <cmath>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/criteria/threshold.hpp>

#include "criterion_checks.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

const double infinity = std::numeric_limits<double>::infinity();

TEST(threshold_test, stops_at_a_better_value_in_either_direction) {
  threshold least{direction::minimize, 0.5};
  EXPECT_EQ(least.observe(0.75), verdict{.statistic = 0.75});
  EXPECT_EQ(least.observe(0.25), (verdict{.stop = true, .reason = "threshold", .statistic = 0.25}));
  threshold greatest{direction::maximize, 0.5};
  EXPECT_EQ(greatest.observe(0.25), verdict{.statistic = 0.25});
  EXPECT_EQ(greatest.observe(0.75), (verdict{.stop = true, .reason = "threshold", .statistic = 0.75}));
}

TEST(threshold_test, the_limit_itself_does_not_stop) {
  for (const auto better : {direction::minimize, direction::maximize}) {
    threshold rule{better, 0.1};
    EXPECT_FALSE(rule.observe(0.1).stop);
    const double beyond = std::nextafter(0.1, better == direction::minimize ? 0.0 : 1.0);
    EXPECT_TRUE(rule.observe(beyond).stop);
  }
}

TEST(threshold_test, is_not_latched) {
  threshold rule{direction::minimize, 0.5};
  EXPECT_TRUE(rule.observe(0.25).stop);
  EXPECT_FALSE(rule.observe(0.75).stop);
}

TEST(threshold_test, a_nan_does_not_stop_and_infinities_are_compared) {
  threshold rule{direction::minimize, 0.5};
  EXPECT_EQ(rule.observe(std::nan("")), verdict{});
  EXPECT_FALSE(rule.observe(infinity).stop);
  EXPECT_TRUE(rule.observe(-infinity).stop);
}

TEST(threshold_test, says_what_it_compares) {
  threshold rule{direction::minimize, 0.5};
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_EQ(rule.reason(), "no observation yet");
  rule.observe(0.75);
  EXPECT_EQ(rule.reason(), "observation 1, 0.75, is not better than 0.5");
  rule.observe(0.25);
  EXPECT_EQ(rule.reason(), "observation 2, 0.25, is better than 0.5");
  rule.observe(std::nan(""));
  EXPECT_EQ(rule.reason(), "observation 3, nan, is not better than 0.5");
}

TEST(threshold_test, refuses_a_limit_that_is_not_finite) {
  EXPECT_THAT([] { threshold rule(direction::minimize, std::nan("")); },
              ThrowsMessage<std::invalid_argument>("threshold: the limit must be finite, not nan"));
  EXPECT_THAT([] { threshold rule(direction::maximize, -infinity); },
              ThrowsMessage<std::invalid_argument>("threshold: the limit must be finite, not -inf"));
}

TEST(threshold_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(threshold{direction::minimize, 3.0}, test::eventful_values());
}

TEST(threshold_test, refuses_the_state_of_another_rule_and_stays_as_it_was) {
  threshold rule{direction::minimize, 0.5};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT(
      [&] { load_state(rule, save_state(threshold{direction::maximize, 0.5})); },
      ThrowsMessage<state_error>("saved state: threshold's direction is 1 in the saved state and 0 here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(threshold{direction::minimize, 0.25})); },
      ThrowsMessage<state_error>("saved state: threshold's limit is 0.25 in the saved state and 0.5 here"));
  EXPECT_EQ(save_state(rule), before);
}

}  // namespace
}  // namespace dvar
