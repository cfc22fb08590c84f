#include <cmath>
#include <limits>
#include <tuple>

#include <gtest/gtest.h>

#include <dvar/options/field.hpp>
#include <dvar/rules/non_finite.hpp>

namespace dvar {
namespace {

TEST(non_finite_test, stops_at_nan_and_at_infinities) {
  const auto inf = std::numeric_limits<double>::infinity();
  for (const double bad : {std::nan(""), inf, -inf}) {
    non_finite rule;
    EXPECT_FALSE(rule.latest().stop);
    EXPECT_FALSE(rule.observe(1e308).stop);
    EXPECT_EQ(rule.reason(), "observation 1 is finite");
    const auto v = rule.observe(bad);
    EXPECT_TRUE(v.stop);
    EXPECT_EQ(v.rule, "non_finite");
    EXPECT_FALSE(rule.observe(0.0).stop);
  }
}

TEST(non_finite_test, names_the_observation) {
  non_finite rule;
  rule.observe(1.0);
  rule.observe(-std::numeric_limits<double>::infinity());
  EXPECT_EQ(rule.reason(), "observation 2 is -inf");
  rule.observe(-std::nan(""));
  EXPECT_EQ(rule.reason(), "observation 3 is nan");
}

TEST(non_finite_test, a_training_loss_counts_as_long_as_there_is_no_other) {
  non_finite rule;
  EXPECT_FALSE(advance(rule, 1, 0.5).stop);
  EXPECT_TRUE(advance(rule, 2, -std::numeric_limits<double>::infinity()).stop);
  EXPECT_TRUE(rule.observe(0.5).stop);
  EXPECT_TRUE(advance(rule, 3).stop) << "that of step 3 is not known";
  EXPECT_EQ(rule.reason(), "the training loss of step 2 is -inf");
  EXPECT_FALSE(advance(rule, 4, 0.5).stop);
}

TEST(non_finite_test, reset_equals_fresh) {
  non_finite rule;
  rule.observe(std::nan(""));
  rule.reset();
  EXPECT_FALSE(rule.latest().stop);
  EXPECT_EQ(save_state(rule), save_state(non_finite{}));
}

TEST(non_finite_test, a_loaded_state_gives_the_same_verdict) {
  non_finite rule;
  rule.observe(std::nan(""));
  non_finite loaded;
  load_state(loaded, save_state(rule));
  EXPECT_EQ(loaded.latest(), rule.latest());
  EXPECT_EQ(loaded.reason(), "observation 1 is nan");
}

TEST(non_finite_test, has_no_options_and_nothing_to_report) {
  const non_finite rule{non_finite_options{}};
  static_assert(described_options<non_finite_options>);
  static_assert(std::tuple_size_v<decltype(non_finite_options::fields())> == 0);
  EXPECT_EQ(save_state(non_finite{rule.options()}), save_state(rule));
  EXPECT_TRUE(reported_values(rule).empty());
}

}  // namespace
}  // namespace dvar
