#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/any_of.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/variance_ratio.hpp>

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
  EXPECT_EQ(ratio.observe(1.0).rule, "variance_ratio");
  EXPECT_EQ(ratio.reason(),
            "the variance of the last 4 observations is 0 of the total, below 0.15, at observation 5");

  auto limit = rules();
  verdict v;
  std::size_t step = 0;
  for (; !v.stop; ++step)
    v = limit.observe(step % 2 == 0 ? 1.0 : -1.0);
  EXPECT_EQ(step, 20U);
  EXPECT_EQ(v.rule, "step_limit");
  EXPECT_EQ(limit.reason(), "the limit of 20 steps is reached");

  auto bad = rules();
  EXPECT_EQ(bad.observe(std::nan("")).rule, "non_finite");
  EXPECT_EQ(bad.reason(), "observation 1 is nan");
}

TEST(any_of_test, the_first_in_order_gives_the_reason) {
  any_of forward{step_limit{1}, non_finite{}};
  EXPECT_EQ(forward.observe(std::nan("")).rule, "step_limit");
  any_of backward{non_finite{}, step_limit{1}};
  EXPECT_EQ(backward.observe(std::nan("")).rule, "non_finite");
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
  EXPECT_EQ(rule.observe(1.0), (verdict{.stop = true, .rule = "step_limit"}));
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
  EXPECT_EQ(observe_at(rule, 1.0, 10).rule, "step_limit");
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

/// Rules that are chosen while the program runs.
std::vector<any_criterion> chosen() {
  std::vector<any_criterion> rules{variance_ratio{{.window = 4, .threshold = 0.15}}};
  rules.push_back(step_limit{20});
  rules.push_back(non_finite{});
  return rules;
}

static_assert(criterion<any_of<std::vector<any_criterion>>>);

TEST(any_of_test, a_vector_of_rules_is_what_the_same_rules_are) {
  any_of rule{chosen()};
  auto same = rules();
  EXPECT_EQ(rule.latest(), same.latest());
  for (const double value : {1.0, 2.0, 5.0, 4.0, 4.0, 4.0, 4.0, std::nan("")}) {
    EXPECT_EQ(rule.observe(value), same.observe(value));
    EXPECT_EQ(rule.reason(), same.reason());
    EXPECT_EQ(save_state(rule), save_state(same));
  }
  EXPECT_EQ(rule.observe(1.0, 20).rule, "step_limit");
  EXPECT_EQ(rule.members().size(), 3U);
}

TEST(any_of_test, a_vector_of_rules_is_copied_deeply_saved_and_reset) {
  const any_of fresh{chosen()};
  auto rule = fresh;
  rule.observe(3.0);
  EXPECT_EQ(fresh.reason(), any_of{chosen()}.reason());
  auto loaded = fresh;
  load_state(loaded, save_state(rule));
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(loaded.observe(std::sin(i)), rule.observe(std::sin(i)));
  rule.reset();
  EXPECT_EQ(save_state(rule), save_state(fresh));
}

TEST(any_of_test, a_vector_of_rules_refuses_the_state_of_another_number) {
  auto fewer = chosen();
  fewer.pop_back();
  any_of rule{chosen()};
  EXPECT_THAT([&] { load_state(rule, save_state(any_of{fewer})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: any_of's number of members is 2 in the saved state and 3 here"));
}

TEST(any_of_test, no_rules_never_stop_and_report_nothing) {
  any_of rule{std::vector<any_criterion>{}};
  EXPECT_EQ(rule.observe(std::nan("")), verdict{});
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_EQ(rule.reason(), "");
  EXPECT_TRUE(reported_values(rule).empty());
  load_state(rule, save_state(any_of{std::vector<any_criterion>{}}));
  rule.reset();
  EXPECT_EQ(rule.latest(), verdict{});
}

TEST(any_of_test, a_vector_of_one_kind_of_rule_is_taken_too) {
  any_of rule{std::vector{variance_ratio{{.window = 2}}, variance_ratio{{.window = 3}}}};
  rule.observe(1.0);
  rule.observe(2.0);
  EXPECT_THAT(record_names(reported_values(rule)),
              testing::ElementsAre("variance_ratio_1/rolling_variance", "variance_ratio_1/total_variance",
                                   "variance_ratio_1/ratio", "variance_ratio_2/rolling_variance",
                                   "variance_ratio_2/total_variance", "variance_ratio_2/ratio"));
  EXPECT_EQ(reported_values(rule)[2].value, 1.0);
  EXPECT_EQ(reported_values(rule)[5].value, std::nullopt);
}

}  // namespace
}  // namespace dvar
