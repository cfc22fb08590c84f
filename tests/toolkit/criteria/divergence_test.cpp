#include <cmath>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/criteria/divergence.hpp>

#include "criterion_checks.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

const double infinity = std::numeric_limits<double>::infinity();

TEST(divergence_test, stops_at_a_worse_value_in_either_direction) {
  divergence least{direction::minimize, 0.5};
  EXPECT_EQ(least.observe(0.25), verdict{.statistic = 0.25});
  EXPECT_EQ(least.observe(0.75), (verdict{.stop = true, .reason = "divergence", .statistic = 0.75}));
  divergence greatest{direction::maximize, 0.5};
  EXPECT_EQ(greatest.observe(0.75), verdict{.statistic = 0.75});
  EXPECT_EQ(greatest.observe(0.25), (verdict{.stop = true, .reason = "divergence", .statistic = 0.25}));
}

TEST(divergence_test, the_limit_itself_does_not_stop) {
  for (const auto better : {direction::minimize, direction::maximize}) {
    divergence rule{better, 0.1};
    EXPECT_FALSE(rule.observe(0.1).stop);
    const double beyond = std::nextafter(0.1, better == direction::minimize ? 1.0 : 0.0);
    EXPECT_TRUE(rule.observe(beyond).stop);
  }
}

TEST(divergence_test, is_not_latched) {
  divergence rule{direction::minimize, 0.5};
  EXPECT_TRUE(rule.observe(0.75).stop);
  EXPECT_FALSE(rule.observe(0.25).stop);
}

TEST(divergence_test, a_nan_does_not_stop_and_infinities_are_compared) {
  divergence rule{direction::minimize, 0.5};
  EXPECT_EQ(rule.observe(std::nan("")), verdict{});
  EXPECT_TRUE(rule.observe(infinity).stop);
  EXPECT_FALSE(rule.observe(-infinity).stop);
}

TEST(divergence_test, says_what_it_compares) {
  divergence rule{direction::minimize, 0.5};
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_EQ(rule.reason(), "no observation yet");
  rule.observe(0.25);
  EXPECT_EQ(rule.reason(), "observation 1, 0.25, is not worse than 0.5");
  rule.observe(0.75);
  EXPECT_EQ(rule.reason(), "observation 2, 0.75, is worse than 0.5");
  rule.observe(std::nan(""));
  EXPECT_EQ(rule.reason(), "observation 3, nan, is not worse than 0.5");
}

TEST(divergence_test, refuses_a_limit_that_is_not_finite) {
  EXPECT_THAT([] { divergence rule(direction::minimize, std::nan("")); },
              ThrowsMessage<std::invalid_argument>("divergence: the limit must be finite, not nan"));
  EXPECT_THAT([] { divergence rule(direction::maximize, -infinity); },
              ThrowsMessage<std::invalid_argument>("divergence: the limit must be finite, not -inf"));
}

TEST(divergence_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(divergence{direction::minimize, 3.0}, test::eventful_values());
}

TEST(divergence_test, refuses_the_state_of_another_rule_and_stays_as_it_was) {
  divergence rule{direction::minimize, 0.5};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT(
      [&] { load_state(rule, save_state(divergence{direction::maximize, 0.5})); },
      ThrowsMessage<state_error>("saved state: divergence's direction is 1 in the saved state and 0 here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(divergence{direction::minimize, 0.25})); },
      ThrowsMessage<state_error>("saved state: divergence's limit is 0.25 in the saved state and 0.5 here"));
  EXPECT_EQ(save_state(rule), before);
}

}  // namespace
}  // namespace dvar
