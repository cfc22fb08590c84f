#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/threshold.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

static_assert(criterion<latched<non_finite>>);

TEST(latched_test, stays_stopped_with_the_verdict_and_the_sentence_of_the_stop) {
  latched rule{any_of{threshold{direction::minimize, 2.0}, non_finite{}}};
  EXPECT_EQ(rule.observe(3.0), verdict{.statistic = 3.0});
  const auto stop = rule.observe(1.0);
  EXPECT_EQ(stop, (verdict{.stop = true, .rule = "threshold", .statistic = 1.0}));
  for (const double value : {5.0, std::nan(""), 0.5}) {
    EXPECT_EQ(rule.observe(value), stop);
    EXPECT_EQ(rule.latest(), stop);
    EXPECT_EQ(rule.reason(), "observation 2, 1, is better than 2");
  }
}

TEST(latched_test, is_its_member_until_that_stops) {
  const auto values = test::eventful_values();
  patience alone{direction::minimize, {.patience = 6}};
  latched rule{alone};
  verdict v;
  for (std::size_t i = 0; i < values.size() && !v.stop; ++i) {
    v = alone.observe(values[i]);
    ASSERT_EQ(rule.observe(values[i]), v);
  }
  EXPECT_TRUE(v.stop);
}

TEST(latched_test, passes_on_the_step) {
  latched rule{step_limit{100}};
  EXPECT_FALSE(observe_at(rule, 1.0, 99).stop);
  EXPECT_TRUE(observe_at(rule, 1.0, 100).stop);
  EXPECT_TRUE(observe_at(rule, 1.0, 101).stop);
}

TEST(latched_test, reset_lets_go) {
  latched rule{threshold{direction::minimize, 2.0}};
  rule.observe(1.0);
  rule.reset();
  EXPECT_FALSE(rule.latest().stop);
  EXPECT_FALSE(rule.observe(3.0).stop);
}

TEST(latched_test, keeps_a_rule_that_has_stopped_already) {
  threshold reached{direction::minimize, 2.0};
  reached.observe(1.0);
  latched rule{reached};
  EXPECT_TRUE(rule.latest().stop);
  EXPECT_TRUE(rule.observe(3.0).stop);
}

TEST(latched_test, a_loaded_stop_stays_unless_the_member_may_go_on) {
  latched stopped{step_limit{2}};
  stopped.observe(0.0);
  stopped.observe(0.0);
  latched same{step_limit{2}};
  load_state(same, save_state(stopped));
  EXPECT_EQ(same.latest(), stopped.latest());
  latched longer{step_limit{3}};
  load_state(longer, save_state(stopped));
  EXPECT_FALSE(longer.latest().stop);
  EXPECT_TRUE(longer.observe(0.0).stop);
}

TEST(latched_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(latched{patience{direction::minimize, {.patience = 6}}},
                                 test::eventful_values());
}

TEST(latched_test, refuses_the_state_of_something_else) {
  latched rule{non_finite{}};
  EXPECT_THAT([&] { load_state(rule, save_state(non_finite{})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: expected latched version 1, found non_finite version 2"));
}

}  // namespace
}  // namespace dvar
