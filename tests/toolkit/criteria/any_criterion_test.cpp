#include <utility>

#include <gtest/gtest.h>

#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "criterion_checks.hpp"

namespace dvar {
namespace {

// A rule that keeps an `any_criterion` is one itself.
static_assert(criterion<latched<any_criterion>>);
static_assert(criterion<any_of<any_criterion, any_criterion>>);

const variance_ratio rule{{.window = 12, .threshold = 0.6}};

TEST(any_criterion_test, is_the_rule_that_it_holds) {
  any_criterion any{rule};
  variance_ratio plain = rule;
  for (const double value : test::eventful_values()) {
    ASSERT_EQ(any.observe(value), plain.observe(value));
    ASSERT_EQ(any.reason(), plain.reason());
    ASSERT_EQ(test::report_of(any), test::report_of(plain));
  }
  EXPECT_EQ(save_state(any), save_state(plain));
}

TEST(any_criterion_test, is_a_sound_criterion) {
  test::expect_a_sound_criterion(any_criterion{rule}, test::eventful_values());
}

TEST(any_criterion_test, copies_share_nothing) {
  any_criterion first{step_limit{2}};
  first.observe(1.0);
  any_criterion second = first;
  EXPECT_TRUE(second.observe(1.0).stop);
  EXPECT_FALSE(first.latest().stop);
  first = second;
  EXPECT_TRUE(first.latest().stop);
  const any_criterion moved = std::move(second);
  EXPECT_TRUE(moved.latest().stop);
}

TEST(any_criterion_test, passes_steps_on_to_rules_that_count_them) {
  any_criterion any{any_of{step_limit{100}, rule}};
  EXPECT_FALSE(observe_at(any, 1.0, 99).stop);
  EXPECT_TRUE(observe_at(any, 1.0, 100).stop);
}

TEST(any_criterion_test, is_a_member_of_rules_that_are_members) {
  any_criterion any{latched{any_criterion{any_of{any_criterion{step_limit{2}}, any_criterion{rule}}}}};
  any.observe(1.0);
  EXPECT_FALSE(any.latest().stop);
  EXPECT_TRUE(any.observe(1.0).stop);
}

TEST(any_criterion_test, reports_what_its_rule_reports) {
  any_criterion any{any_of{rule, patience{direction::minimize, {.patience = 4}}}};
  any_of plain{rule, patience{direction::minimize, {.patience = 4}}};
  ASSERT_EQ(test::report_of(any).size(), 5U);
  for (const double value : test::eventful_values()) {
    any.observe(value);
    plain.observe(value);
    ASSERT_EQ(test::report_of(any), test::report_of(plain));
  }
  EXPECT_TRUE(test::report_of(any_criterion{step_limit{2}}).empty());
}

TEST(any_criterion_test, refuses_the_state_of_another_rule) {
  any_criterion any{rule};
  EXPECT_THROW(load_state(any, save_state(any_criterion{step_limit{3}})), state_error);
  EXPECT_TRUE(any.latest().warming_up);
}

}  // namespace
}  // namespace dvar
