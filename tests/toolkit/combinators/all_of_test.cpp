#include <cmath>
#include <cstddef>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/all_of.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

auto all_rules() {
  return all_of{threshold{direction::minimize, 6.0}, patience{direction::minimize, {.patience = 2}}};
}

static_assert(criterion<decltype(all_rules())>);

TEST(all_of_test, stops_when_all_members_do_at_once) {
  auto rule = all_rules();
  EXPECT_EQ(rule.observe(5.0), verdict{.statistic = 5.0});  // below the threshold, not out of patience
  rule.observe(7.0);
  EXPECT_FALSE(rule.observe(7.0).stop);  // out of patience, not below the threshold
  EXPECT_EQ(rule.observe(5.5), (verdict{.stop = true, .rule = "all_of", .statistic = 5.5}));
  EXPECT_EQ(rule.reason(),
            "observation 4, 5.5, is better than 6; 3 observations without improvement, patience 2, at "
            "observation 4; the best is 5 at observation 1");
  EXPECT_FALSE(rule.observe(4.0).stop);
}

TEST(all_of_test, a_member_that_warms_up_holds_the_others_up) {
  all_of rule{variance_ratio{{.window = 3, .threshold = 0.5}}, step_limit{2}};
  EXPECT_EQ(rule.observe(9.0), verdict{.warming_up = true});
  EXPECT_EQ(rule.observe(1.0), verdict{.warming_up = true});
  EXPECT_EQ(rule.observe(1.0), verdict{.statistic = 1.0});
  EXPECT_EQ(rule.observe(1.0), (verdict{.stop = true, .rule = "all_of", .statistic = 0.0}));
}

TEST(all_of_test, a_latched_member_need_not_stop_at_the_same_time) {
  all_of rule{latched{threshold{direction::minimize, 6.0}}, patience{direction::minimize, {.patience = 2}}};
  EXPECT_EQ(test::stop_of(rule, std::vector{5.0, 7.0, 7.0}), 3U);
}

TEST(all_of_test, every_member_sees_every_observation) {
  all_of rule{non_finite{}, variance_ratio{{.window = 4, .threshold = 0.15}}};
  variance_ratio alone{{.window = 4, .threshold = 0.15}};
  for (const double value : {1.0, 2.0, std::nan(""), 4.0, 8.0}) {
    rule.observe(value);
    alone.observe(value);
  }
  EXPECT_EQ(save_state(std::get<1>(rule.members())), save_state(alone));
}

TEST(all_of_test, tells_steps_to_members_that_count_them_at_any_depth) {
  all_of rule{threshold{direction::minimize, 6.0}, any_of{all_of{step_limit{10}}}};
  EXPECT_FALSE(observe_at(rule, 1.0, 9).stop);
  EXPECT_TRUE(observe_at(rule, 1.0, 10).stop);
}

TEST(all_of_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(all_rules(), test::eventful_values());
}

TEST(all_of_test, refuses_the_state_of_another_composition) {
  auto rule = all_rules();
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT([&] { load_state(rule, save_state(all_of{step_limit{20}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: all_of's number of members is 1 in the saved state and 2 here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(any_of{step_limit{20}})); },
      testing::ThrowsMessage<state_error>("saved state: expected all_of version 1, found any_of version 1"));
  EXPECT_EQ(save_state(rule), before);
}

std::vector<any_criterion> all_chosen() {
  std::vector<any_criterion> rules{threshold{direction::minimize, 6.0}};
  rules.push_back(patience{direction::minimize, {.patience = 2}});
  return rules;
}

static_assert(criterion<all_of<std::vector<any_criterion>>>);

TEST(all_of_test, a_vector_of_rules_is_what_the_same_rules_are) {
  all_of rule{all_chosen()};
  auto same = all_rules();
  EXPECT_EQ(rule.latest(), same.latest());
  std::size_t stops = 0;
  for (const double value : test::eventful_values()) {
    const verdict v = rule.observe(value);
    EXPECT_EQ(v, same.observe(value));
    EXPECT_EQ(rule.reason(), same.reason());
    EXPECT_EQ(save_state(rule), save_state(same));
    stops += v.stop ? 1 : 0;
  }
  EXPECT_GT(stops, 0U);
  test::expect_a_sound_criterion(all_of{all_chosen()}, test::eventful_values());
}

TEST(all_of_test, a_vector_of_rules_refuses_the_state_of_another_number) {
  all_of rule{all_chosen()};
  EXPECT_THAT([&] { load_state(rule, save_state(all_of{std::vector<any_criterion>{}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: all_of's number of members is 0 in the saved state and 2 here"));
}

TEST(all_of_test, no_rules_never_stop_and_report_nothing) {
  all_of rule{std::vector<any_criterion>{}};
  EXPECT_EQ(rule.observe(1.0), verdict{});
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_EQ(rule.reason(), "");
  EXPECT_TRUE(reported_values(rule).empty());
}

}  // namespace
}  // namespace dvar
