#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/consecutive.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;
using testing::ThrowsMessage;

const threshold consecutive_below_two{direction::minimize, 2.0};

static_assert(criterion<consecutive<threshold>>);

TEST(consecutive_test, stops_when_its_member_has_said_so_often_enough) {
  consecutive rule{2, consecutive_below_two};
  EXPECT_EQ(rule.observe(1.0), verdict{.statistic = 1.0});
  EXPECT_EQ(rule.reason(), "stop 1 of 2 in a row: observation 1, 1, is better than 2");
  EXPECT_EQ(rule.observe(3.0), verdict{.statistic = 3.0});
  EXPECT_EQ(rule.in_a_row(), 0U);
  EXPECT_EQ(rule.observe(1.0), verdict{.statistic = 1.0});
  EXPECT_EQ(rule.observe(1.5), (verdict{.stop = true, .rule = "threshold", .statistic = 1.5}));
  EXPECT_TRUE(rule.observe(1.5).stop);
  EXPECT_EQ(rule.in_a_row(), 3U);
  EXPECT_FALSE(rule.observe(3.0).stop);
  EXPECT_EQ(rule.times(), 2U);
}

TEST(consecutive_test, once_is_the_member_itself) {
  const auto values = test::eventful_values();
  patience alone{direction::minimize, {.patience = 4}};
  consecutive once{1, alone};
  for (const double value : values)
    ASSERT_EQ(once.observe(value), alone.observe(value));
}

TEST(consecutive_test, passes_on_the_warm_up) {
  consecutive rule{2, variance_ratio{{.window = 2, .threshold = 0.5}}};
  EXPECT_EQ(rule.latest(), verdict{.warming_up = true});
  EXPECT_EQ(rule.observe(9.0), verdict{.warming_up = true});
  EXPECT_EQ(stop_of(rule, std::vector(9, 1.0)), 3U);
}

TEST(consecutive_test, passes_on_the_step) {
  consecutive rule{2, step_limit{100}};
  EXPECT_FALSE(observe_at(rule, 1.0, 99).stop);
  EXPECT_FALSE(observe_at(rule, 1.0, 100).stop);
  EXPECT_EQ(observe_at(rule, 1.0, 101).rule, "step_limit");
}

TEST(consecutive_test, refuses_zero) {
  EXPECT_THAT(
      [] { consecutive rule(0, consecutive_below_two); },
      ThrowsMessage<std::invalid_argument>("consecutive: the number of times must be at least 1, not 0"));
}

TEST(consecutive_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(consecutive{3, patience{direction::minimize, {.patience = 2}}},
                                 test::eventful_values());
}

TEST(consecutive_test, refuses_a_state_of_another_number_and_stays_as_it_was) {
  consecutive rule{3, consecutive_below_two};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT([&] { load_state(rule, save_state(consecutive{4, consecutive_below_two})); },
              ThrowsMessage<state_error>(
                  "saved state: consecutive's number of times is 4 in the saved state and 3 here"));
  EXPECT_EQ(save_state(rule), before);
}

}  // namespace
}  // namespace dvar
