#include <cmath>
#include <cstddef>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/criteria/any_of.hpp>
#include <dvar/criteria/non_finite.hpp>
#include <dvar/criteria/step_limit.hpp>
#include <dvar/criteria/variance_ratio.hpp>

namespace dvar {
namespace {

auto rules() {
  return any_of{variance_ratio{{.window = 4, .threshold = 0.15}}, step_limit{20}, non_finite{}};
}

static_assert(criterion<decltype(rules())>);

TEST(any_of_test, names_the_member_that_stops) {
  auto ratio = rules();
  ratio.observe(9.0);
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(ratio.observe(1.0).stop);
  EXPECT_EQ(ratio.observe(1.0).reason, "variance_ratio");
  EXPECT_EQ(ratio.reason(),
            "the variance of the last 4 observations is 0 of the total, below 0.15, at observation 5");

  auto limit = rules();
  verdict v;
  std::size_t step = 0;
  for (; !v.stop; ++step)
    v = limit.observe(step % 2 == 0 ? 1.0 : -1.0);
  EXPECT_EQ(step, 20U);
  EXPECT_EQ(v.reason, "step_limit");
  EXPECT_EQ(limit.reason(), "the limit of 20 steps is reached");

  auto bad = rules();
  EXPECT_EQ(bad.observe(std::nan("")).reason, "non_finite");
  EXPECT_EQ(bad.reason(), "observation 1 is nan");
}

TEST(any_of_test, the_first_in_order_gives_the_reason) {
  any_of forward{step_limit{1}, non_finite{}};
  EXPECT_EQ(forward.observe(std::nan("")).reason, "step_limit");
  any_of backward{non_finite{}, step_limit{1}};
  EXPECT_EQ(backward.observe(std::nan("")).reason, "non_finite");
}

TEST(any_of_test, passes_on_warm_up_and_statistic) {
  auto rule = any_of{step_limit{100}, variance_ratio{{.window = 3, .threshold = 0.15}}};
  EXPECT_TRUE(rule.observe(1.0).warming_up);
  EXPECT_TRUE(rule.observe(2.0).warming_up);
  const auto v = rule.observe(3.0);
  EXPECT_FALSE(v.warming_up);
  EXPECT_EQ(v.statistic, 1.0);
  EXPECT_EQ(
      rule.reason(),
      "step 3 of at most 100; the variance of the last 3 observations is 1 of the total, not below 0.15, at "
      "observation 3");
}

TEST(any_of_test, a_stop_is_no_warm_up) {
  auto rule = any_of{variance_ratio{}, step_limit{1}};
  EXPECT_EQ(rule.observe(1.0), (verdict{.stop = true, .reason = "step_limit"}));
}

TEST(any_of_test, every_member_sees_every_observation) {
  any_of rule{non_finite{}, variance_ratio{{.window = 4, .threshold = 0.15}}};
  variance_ratio alone{{.window = 4, .threshold = 0.15}};
  for (const double value : {1.0, 2.0, std::nan(""), 4.0, 8.0}) {
    rule.observe(value);
    alone.observe(value);
  }
  EXPECT_EQ(save_state(std::get<1>(rule.members())), save_state(alone));
}

TEST(any_of_test, tells_steps_to_members_that_count_them_at_any_depth) {
  any_of rule{non_finite{}, any_of{step_limit{10}}};
  EXPECT_FALSE(observe_at(rule, 1.0, 9).stop);
  EXPECT_EQ(observe_at(rule, 1.0, 10).reason, "step_limit");
}

TEST(any_of_test, reset_equals_fresh) {
  auto rule = rules();
  for (const double value : {1.0, 2.0, std::nan(""), 4.0, 8.0})
    rule.observe(value);
  rule.reset();
  EXPECT_EQ(save_state(rule), save_state(rules()));
}

TEST(any_of_test, a_loaded_state_continues_bit_for_bit) {
  auto rule = rules();
  rule.observe(3.0);
  rule.observe(1.0);
  auto loaded = rules();
  load_state(loaded, save_state(rule));
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(loaded.observe(std::sin(i)), rule.observe(std::sin(i)));
  EXPECT_EQ(save_state(loaded), save_state(rule));
}

TEST(any_of_test, refuses_the_state_of_another_composition) {
  auto rule = rules();
  const auto before = save_state(rule);
  EXPECT_THAT([&] { load_state(rule, save_state(any_of{step_limit{20}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: any_of's number of members is 1 in the saved state and 3 here"));
  EXPECT_THAT([&] { load_state(rule, save_state(any_of{step_limit{20}, non_finite{}, non_finite{}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: expected variance_ratio version 1, found step_limit version 1"));
  EXPECT_EQ(save_state(rule), before);
}

}  // namespace
}  // namespace dvar
