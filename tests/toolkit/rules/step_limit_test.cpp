#include <cmath>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/step_limit.hpp>

namespace dvar {
namespace {

TEST(step_limit_test, stops_at_the_limit_and_after_it) {
  step_limit rule{3};
  EXPECT_FALSE(rule.latest().stop);
  EXPECT_FALSE(rule.observe(0.5).stop);
  EXPECT_FALSE(rule.observe(std::nan("")).stop);
  EXPECT_EQ(rule.reason(), "step 2 of at most 3");
  const auto v = rule.observe(0.5);
  EXPECT_TRUE(v.stop);
  EXPECT_EQ(v.rule, "step_limit");
  EXPECT_EQ(rule.reason(), "the limit of 3 steps is reached");
  EXPECT_TRUE(rule.observe(0.5).stop);
}

TEST(step_limit_test, counts_training_steps_when_it_is_told_them) {
  step_limit rule{100};
  EXPECT_FALSE(observe_at(rule, 0.5, 50).stop);
  EXPECT_FALSE(observe_at(rule, 0.5, 99).stop);
  EXPECT_TRUE(observe_at(rule, 0.5, 150).stop);
}

TEST(step_limit_test, refuses_zero) {
  const auto refused =
      testing::ThrowsMessage<std::invalid_argument>("step_limit: limit must be at least 1, not 0");
  EXPECT_THAT([] { step_limit rule{0}; }, refused);
  EXPECT_THAT([] { step_limit rule{step_limit_options{}}; }, refused);
}

TEST(step_limit_test, is_made_from_its_options) {
  const step_limit rule{{.limit = 7}};
  EXPECT_EQ(rule.options().limit, 7U);
  EXPECT_EQ(rule.limit(), 7U);
  EXPECT_EQ(step_limit::aliases[0], "steps");
}

TEST(step_limit_test, reset_equals_fresh) {
  step_limit rule{1};
  rule.observe(0.0);
  rule.reset();
  EXPECT_FALSE(rule.latest().stop);
  EXPECT_EQ(save_state(rule), save_state(step_limit{1}));
}

TEST(step_limit_test, a_loaded_state_continues_also_with_a_longer_limit) {
  step_limit rule{2};
  rule.observe(0.0);
  rule.observe(0.0);
  step_limit longer{3};
  load_state(longer, save_state(rule));
  EXPECT_FALSE(longer.latest().stop);
  EXPECT_TRUE(longer.observe(0.0).stop);
}

TEST(step_limit_test, has_nothing_to_report) {
  EXPECT_TRUE(reported_values(step_limit{3}).empty());
}

TEST(step_limit_test, its_options_name_every_member_once) {
  [[maybe_unused]] const auto [limit] = step_limit_options{};
  const auto [first] = step_limit_options::fields();
  EXPECT_EQ(first.name, "limit");
  EXPECT_EQ(first.member, &step_limit_options::limit);
  EXPECT_TRUE(first.required);
}

}  // namespace
}  // namespace dvar
