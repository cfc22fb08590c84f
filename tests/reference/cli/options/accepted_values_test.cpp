#include "cli/options/accepted_values.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace dvar::cli {
namespace {

TEST(accepted_values_test, say_what_they_expect) {
  EXPECT_EQ(expectation(at_least(1)), "at least 1");
  EXPECT_EQ(expectation(above(0)), "more than 0");
  EXPECT_EQ(expectation(between(0, 1)), "0 to 1");
  EXPECT_EQ(expectation(from_to_below(0, 1)), "0 to below 1");
  EXPECT_EQ(expectation(above_up_to(0, 1)), "more than 0 and at most 1");
  EXPECT_EQ(expectation(choices{{"mean", "one vector"}, {"spread"}}), "mean or spread");
  EXPECT_EQ(explanation(choices{{"mean", "one vector"}, {"spread"}}), "mean (one vector) or spread");
  EXPECT_EQ(expectation(choices{{"a"}, {"b"}, {"c"}}), "a, b or c");
  EXPECT_EQ(expectation(text_form{"an even length", {}}), "an even length");
  EXPECT_EQ(expectation({}), "");
}

TEST(accepted_values_test, know_which_ends_belong_to_an_interval) {
  for (const double inside : {0.0, 0.5, 1.0})
    EXPECT_TRUE(admits(between(0, 1), inside)) << inside;
  EXPECT_FALSE(admits(above_up_to(0, 1), 0.0));
  EXPECT_TRUE(admits(above_up_to(0, 1), 1.0));
  EXPECT_TRUE(admits(from_to_below(0, 1), 0.0));
  EXPECT_FALSE(admits(from_to_below(0, 1), 1.0));
  EXPECT_FALSE(admits(above(0), 0.0));
  EXPECT_FALSE(admits(at_least(1), 0.0));
}

TEST(accepted_values_test, leave_out_what_is_not_finite) {
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    EXPECT_FALSE(admits(at_least(0), value));
    EXPECT_FALSE(admits(between(0, 1), value));
  }
}

TEST(accepted_values_test, choose_texts) {
  const choices two{{"mean"}, {"spread"}};
  EXPECT_TRUE(admits(two, "spread"));
  EXPECT_FALSE(admits(two, "sum"));
  EXPECT_FALSE(admits(two, ""));
  const text_form even{"an even length", [](const std::string& text) { return text.size() % 2 == 0; }};
  EXPECT_TRUE(admits(even, "ab"));
  EXPECT_FALSE(admits(even, "abc"));
  EXPECT_TRUE(admits({}, "anything"));
}

TEST(accepted_values_test, are_the_names_of_a_table) {
  constexpr name_table<int, 2> table{{{{"one", 1}, {"two", 2}}}};
  EXPECT_EQ(expectation(one_of(table)), table.list());
  EXPECT_EQ(explanation(one_of(table, {"1", "2"})), "one (1) or two (2)");
}

}  // namespace
}  // namespace dvar::cli
