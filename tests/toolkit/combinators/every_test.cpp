#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/consecutive.hpp>
#include <dvar/combinators/every.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/successive_rises.hpp>
#include <dvar/rules/threshold.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;
using testing::ThrowsMessage;

const threshold every_below_two{direction::minimize, 2.0};

static_assert(criterion<every<threshold>>);

TEST(every_test, shows_its_member_every_kth_observation) {
  every rule{3, every_below_two};
  EXPECT_EQ(rule.observe(1.0), verdict{});
  EXPECT_EQ(rule.observe(1.0), verdict{});
  EXPECT_EQ(rule.observe(5.0), verdict{.statistic = 5.0});
  EXPECT_EQ(rule.observe(1.0), verdict{.statistic = 5.0});
  EXPECT_EQ(rule.observe(1.0), verdict{.statistic = 5.0});
  EXPECT_EQ(rule.observe(1.5), (verdict{.stop = true, .rule = "threshold", .statistic = 1.5}));
  EXPECT_EQ(rule.reason(), "of every 3 observations the last: observation 2, 1.5, is better than 2");
  // Until the member is shown another one, that stands.
  EXPECT_TRUE(rule.observe(5.0).stop);
  EXPECT_EQ(rule.stride(), 3U);
}

TEST(every_test, is_what_a_strip_is) {
  const auto values = test::eventful_values();
  const successive_rises in_strips{direction::minimize, {.rises = 2, .strip = 4}};
  const successive_rises at_once{direction::minimize, {.rises = 2, .strip = 1}};
  EXPECT_GT(stop_of(in_strips, values), 0U);
  EXPECT_EQ(stop_of(every{4, at_once}, values), stop_of(in_strips, values));
}

TEST(every_test, verdicts_are_counted_inside_not_outside) {
  const std::vector<double> values(20, 1.0);
  EXPECT_EQ(stop_of(every{4, consecutive{3, every_below_two}}, values), 12U);
  EXPECT_EQ(stop_of(consecutive{3, every{4, every_below_two}}, values), 6U);
}

TEST(every_test, counts_observations_and_passes_on_the_step) {
  every rule{2, step_limit{100}};
  EXPECT_FALSE(observe_at(rule, 1.0, 100).stop);
  EXPECT_TRUE(observe_at(rule, 1.0, 110).stop);
}

TEST(every_test, refuses_zero) {
  EXPECT_THAT([] { every rule(0, every_below_two); },
              ThrowsMessage<std::invalid_argument>("every: the stride must be at least 1, not 0"));
}

TEST(every_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(every{3, patience{direction::minimize, {.patience = 5}}},
                                 test::eventful_values());
}

TEST(every_test, refuses_a_state_of_another_stride_and_stays_as_it_was) {
  every rule{3, every_below_two};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT([&] { load_state(rule, save_state(every{4, every_below_two})); },
              ThrowsMessage<state_error>("saved state: every's stride is 4 in the saved state and 3 here"));
  EXPECT_EQ(save_state(rule), before);
}

}  // namespace
}  // namespace dvar
