#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/after.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/consecutive.hpp>
#include <dvar/combinators/every.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/monitor.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;
using testing::ThrowsMessage;

const threshold after_below_two{direction::minimize, 2.0};

static_assert(criterion<after<threshold>>);

TEST(after_test, lets_its_member_stop_only_after_the_minimum) {
  after rule{2, after_below_two};
  EXPECT_EQ(rule.latest(), verdict{.warming_up = true});
  EXPECT_EQ(rule.observe(1.0), (verdict{.warming_up = true, .statistic = 1.0}));
  EXPECT_EQ(rule.observe(1.5), (verdict{.warming_up = true, .statistic = 1.5}));
  EXPECT_EQ(rule.reason(), "step 2 of the first 2, which do not stop: observation 2, 1.5, is better than 2");
  EXPECT_EQ(rule.observe(1.0), (verdict{.stop = true, .rule = "threshold", .statistic = 1.0}));
  EXPECT_EQ(rule.reason(), "observation 3, 1, is better than 2");
  EXPECT_EQ(rule.minimum(), 2U);
}

TEST(after_test, a_stop_from_before_the_minimum_is_not_remembered) {
  EXPECT_EQ(stop_of(after{2, after_below_two}, std::vector{1.0, 1.0, 3.0, 3.0, 1.0}), 5U);
  EXPECT_EQ(stop_of(latched{after{2, after_below_two}}, std::vector{1.0, 1.0, 3.0, 3.0, 1.0}), 5U);
  EXPECT_EQ(stop_of(after{2, latched{after_below_two}}, std::vector{1.0, 1.0, 3.0, 3.0, 1.0}), 3U);
}

TEST(after_test, its_member_sees_every_observation) {
  // The wait began at observation 1, so it is over as soon as that counts.
  EXPECT_EQ(stop_of(after{5, patience{direction::minimize, {.patience = 3}}}, std::vector<double>(9, 1.0)),
            6U);
}

TEST(after_test, counts_training_steps_when_it_is_told_them) {
  after rule{100, any_of{step_limit{150}, after_below_two}};
  EXPECT_FALSE(observe_at(rule, 1.0, 50).stop);
  EXPECT_FALSE(observe_at(rule, 1.0, 100).stop);
  EXPECT_EQ(observe_at(rule, 1.0, 110).rule, "threshold");
  EXPECT_EQ(observe_at(rule, 5.0, 150).rule, "step_limit");
}

TEST(after_test, a_monitor_records_what_a_rule_inside_of_combinators_reports) {
  const variance_ratio ratio{{.window = 2, .threshold = 0.01}};
  convergence_monitor monitor{[loss = 8.0]() mutable { return loss /= 2; },
                              any_of{after{1, latched{consecutive{2, every{1, ratio}}}}}};
  variance_ratio alone = ratio;
  for (std::size_t step = 1; step <= 4; ++step) {
    const auto seen = monitor.after_step(step);
    alone.observe(8.0 / static_cast<double>(1U << step));
    EXPECT_EQ(seen.record["ratio"], alone.ratio());
    EXPECT_EQ(seen.record["rolling_variance"], alone.window_variance());
  }
  EXPECT_TRUE(alone.ratio().has_value());
}

TEST(after_test, refuses_zero) {
  EXPECT_THAT([] { after rule(0, after_below_two); },
              ThrowsMessage<std::invalid_argument>("after: the minimum must be at least 1, not 0"));
}

TEST(after_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(after{30, patience{direction::minimize, {.patience = 5}}},
                                 test::eventful_values());
}

TEST(after_test, refuses_a_state_of_another_minimum_and_stays_as_it_was) {
  after rule{3, after_below_two};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT([&] { load_state(rule, save_state(after{4, after_below_two})); },
              ThrowsMessage<state_error>("saved state: after's minimum is 4 in the saved state and 3 here"));
  EXPECT_EQ(save_state(rule), before);
}

}  // namespace
}  // namespace dvar
