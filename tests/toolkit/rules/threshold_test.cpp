#include <cmath>
#include <concepts>
#include <limits>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/threshold.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

const double limit_infinity = std::numeric_limits<double>::infinity();

/// `threshold` and `divergence`: the same but for the side of the limit.
template <class Rule>
class threshold_test : public testing::Test {
 protected:
  static constexpr bool stops_at_better = std::same_as<Rule, threshold>;
  static constexpr auto name = Rule::name;

  /// The direction in which smaller values stop.
  static constexpr direction downward = stops_at_better ? direction::minimize : direction::maximize;
  static constexpr direction upward = stops_at_better ? direction::maximize : direction::minimize;

  static std::string named(const std::string& rest) { return std::string(name) + rest; }
};

struct rule_names {
  template <class Rule>
  static std::string GetName(int /*index*/) {
    return std::string(Rule::name);
  }
};

using rules = testing::Types<threshold, divergence>;
TYPED_TEST_SUITE(threshold_test, rules, rule_names);

TEST(threshold_and_divergence_test, stop_at_better_and_at_worse_values) {
  EXPECT_TRUE(threshold(direction::minimize, 0.5).observe(0.25).stop);
  EXPECT_TRUE(threshold(direction::maximize, 0.5).observe(0.75).stop);
  EXPECT_TRUE(divergence(direction::minimize, 0.5).observe(0.75).stop);
  EXPECT_TRUE(divergence(direction::maximize, 0.5).observe(0.25).stop);
}

TYPED_TEST(threshold_test, stops_beyond_the_limit_in_either_direction) {
  TypeParam below{this->downward, 0.5};
  EXPECT_EQ(below.observe(0.75), verdict{.statistic = 0.75});
  EXPECT_EQ(below.observe(0.25), (verdict{.stop = true, .rule = this->name, .statistic = 0.25}));
  TypeParam above{this->upward, 0.5};
  EXPECT_EQ(above.observe(0.25), verdict{.statistic = 0.25});
  EXPECT_EQ(above.observe(0.75), (verdict{.stop = true, .rule = this->name, .statistic = 0.75}));
}

TYPED_TEST(threshold_test, the_limit_itself_does_not_stop) {
  for (const auto better : {this->downward, this->upward}) {
    TypeParam rule{better, 0.1};
    EXPECT_FALSE(rule.observe(0.1).stop);
    EXPECT_TRUE(rule.observe(std::nextafter(0.1, better == this->downward ? 0.0 : 1.0)).stop);
  }
}

TYPED_TEST(threshold_test, is_not_latched) {
  TypeParam rule{this->downward, 0.5};
  EXPECT_TRUE(rule.observe(0.25).stop);
  EXPECT_FALSE(rule.observe(0.75).stop);
}

TYPED_TEST(threshold_test, a_nan_does_not_stop_and_infinities_are_compared) {
  TypeParam rule{this->downward, 0.5};
  EXPECT_EQ(rule.observe(std::nan("")), verdict{});
  EXPECT_FALSE(rule.observe(limit_infinity).stop);
  EXPECT_TRUE(rule.observe(-limit_infinity).stop);
}

TYPED_TEST(threshold_test, says_what_it_compares) {
  const std::string side = this->stops_at_better ? "better" : "worse";
  TypeParam rule{this->downward, 0.5};
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_EQ(rule.reason(), "no observation yet");
  rule.observe(0.75);
  EXPECT_EQ(rule.reason(), "observation 1, 0.75, is not " + side + " than 0.5");
  rule.observe(0.25);
  EXPECT_EQ(rule.reason(), "observation 2, 0.25, is " + side + " than 0.5");
  rule.observe(std::nan(""));
  EXPECT_EQ(rule.reason(), "observation 3, nan, is not " + side + " than 0.5");
}

TYPED_TEST(threshold_test, is_made_from_its_options) {
  const TypeParam rule{direction::maximize, {.limit = 0.5}};
  EXPECT_EQ(rule.options().limit, 0.5);
  EXPECT_EQ(rule.limit(), 0.5);
  EXPECT_EQ(rule.better(), direction::maximize);
}

TYPED_TEST(threshold_test, refuses_a_limit_that_is_not_finite) {
  EXPECT_THAT([] { TypeParam rule(direction::minimize, threshold_options{}); },
              ThrowsMessage<std::invalid_argument>(this->named(": limit must be finite, not nan")));
  EXPECT_THAT([] { TypeParam rule(direction::maximize, -limit_infinity); },
              ThrowsMessage<std::invalid_argument>(this->named(": limit must be finite, not -inf")));
}

TYPED_TEST(threshold_test, has_nothing_to_report) {
  TypeParam rule{direction::minimize, 0.5};
  rule.observe(0.25);
  EXPECT_TRUE(reported_values(rule).empty());
}

TYPED_TEST(threshold_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(TypeParam{direction::minimize, 3.0}, test::eventful_values());
}

TYPED_TEST(threshold_test, refuses_the_state_of_another_rule_and_stays_as_it_was) {
  TypeParam rule{direction::minimize, 0.5};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT(
      [&] { load_state(rule, save_state(TypeParam{direction::maximize, 0.5})); },
      ThrowsMessage<state_error>("saved state: " + this->named("'s direction is maximize in the saved "
                                                               "state and minimize here")));
  EXPECT_THAT([&] { load_state(rule, save_state(TypeParam{direction::minimize, 0.25})); },
              ThrowsMessage<state_error>("saved state: " +
                                         this->named("'s limit is 0.25 in the saved state and 0.5 here")));
  EXPECT_EQ(save_state(rule), before);
}

TEST(threshold_and_divergence_test, their_options_name_every_member_once) {
  [[maybe_unused]] const auto [limit] = threshold_options{};
  const auto [first] = threshold_options::fields();
  EXPECT_EQ(first.name, "limit");
  EXPECT_EQ(first.member, &threshold_options::limit);
  EXPECT_TRUE(first.required);
}

}  // namespace
}  // namespace dvar
