#include "cli/replay/rule_grid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../refusal_of.hpp"

namespace dvar::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> expanded(std::string_view text) {
  return expand_values(text, '/', "--stop");
}

rule_grid grid_of(std::string_view text) {
  return expand_rule(text, "--stop");
}

std::vector<std::string> rule_texts(const rule_grid& grid) {
  std::vector<std::string> texts;
  for (const grid_rule& rule : grid.rules)
    texts.push_back(to_text(rule.rules));
  return texts;
}

std::vector<std::string> axis_names(const rule_grid& grid) {
  std::vector<std::string> names;
  for (const grid_axis& axis : grid.axes)
    names.push_back(axis.name);
  return names;
}

TEST(rule_grid_test, a_list_has_its_values_in_their_order) {
  EXPECT_THAT(expanded("5"), ElementsAre("5"));
  EXPECT_THAT(expanded("5/20/10"), ElementsAre("5", "20", "10"));
  EXPECT_THAT(expanded("keep/skip"), ElementsAre("keep", "skip"));
  EXPECT_THAT(expanded("1e-4/0.50"), ElementsAre("1e-4", "0.50")) << "as they are written";
  EXPECT_THAT(expand_values("100,310", ',', "--window"), ElementsAre("100", "310"));
}

TEST(rule_grid_test, a_range_includes_its_last) {
  EXPECT_THAT(expanded("5:20:5"), ElementsAre("5", "10", "15", "20"));
  EXPECT_THAT(expanded("7:7:1"), ElementsAre("7"));
  EXPECT_THAT(expanded("0.1:0.3:0.1"), ElementsAre("0.1", "0.2", "0.3")) << "0.1 + 2 * 0.1 is above 0.3";
  EXPECT_THAT(expanded("-1:1:1"), ElementsAre("-1", "0", "1"));
  EXPECT_EQ(expanded("0.05:0.5:0.05").size(), 10u);
}

TEST(rule_grid_test, a_range_ends_before_a_last_that_no_step_meets) {
  EXPECT_THAT(expanded("5:19:5"), ElementsAre("5", "10", "15"));
  EXPECT_THAT(expanded("5:9:10"), ElementsAre("5"));
}

TEST(rule_grid_test, a_list_may_have_ranges_in_it) {
  EXPECT_THAT(expanded("1/10:30:10/v1"), ElementsAre("1", "10", "20", "30", "v1"));
}

TEST(rule_grid_test, a_rule_without_lists_is_one_without_axes) {
  for (const char* const text : {"dvar", "dvar:v2", "dvar:window=310,threshold=0.15&slope_test"}) {
    const rule_grid grid = grid_of(text);
    EXPECT_THAT(rule_texts(grid), ElementsAre(text));
    EXPECT_THAT(grid.axes, IsEmpty());
    EXPECT_THAT(grid.rules.front().indices, IsEmpty());
  }
}

TEST(rule_grid_test, stands_for_all_combinations_the_last_varying_fastest) {
  const rule_grid grid = grid_of("patience:patience=5/10,scale=relative,min_delta=0:0.2:0.1");
  EXPECT_THAT(axis_names(grid), ElementsAre("patience", "min_delta"));
  EXPECT_THAT(grid.axes[0].values, ElementsAre("5", "10"));
  EXPECT_THAT(grid.axes[1].values, ElementsAre("0", "0.1", "0.2"));
  ASSERT_EQ(grid.rules.size(), 6u);
  EXPECT_EQ(to_text(grid.rules[1].rules), "patience:patience=5,scale=relative,min_delta=0.1");
  EXPECT_EQ(to_text(grid.rules[3].rules), "patience:patience=10,scale=relative,min_delta=0");
  for (std::size_t i = 0; i < grid.rules.size(); ++i)
    EXPECT_THAT(grid.rules[i].indices, ElementsAre(i / 3, i % 3));
}

TEST(rule_grid_test, words_without_a_key_vary_under_the_name_of_the_rule) {
  const rule_grid published = grid_of("dvar:v1/v2");
  EXPECT_THAT(rule_texts(published), ElementsAre("dvar:v1", "dvar:v2"));
  EXPECT_THAT(axis_names(published), ElementsAre("dvar"));
  const rule_grid limits = grid_of("steps:100/200");
  EXPECT_THAT(rule_texts(limits), ElementsAre("steps:100", "steps:200"));
  EXPECT_THAT(axis_names(limits), ElementsAre("steps"));
  EXPECT_THAT(rule_texts(grid_of("steps:100:300:100")), ElementsAre("steps:100", "steps:200", "steps:300"));
}

TEST(rule_grid_test, rules_that_are_joined_vary_together) {
  const rule_grid grid = grid_of("dvar:v1/v2,despiked=3&slope_test:window=100/200");
  EXPECT_THAT(axis_names(grid), ElementsAre("dvar", "slope_test window"));
  EXPECT_THAT(
      rule_texts(grid),
      ElementsAre("dvar:v1,despiked=3&slope_test:window=100", "dvar:v1,despiked=3&slope_test:window=200",
                  "dvar:v2,despiked=3&slope_test:window=100", "dvar:v2,despiked=3&slope_test:window=200"));
  EXPECT_THAT(axis_names(grid_of("hall&patience:patience=1/2")), ElementsAre("patience patience"));
}

TEST(rule_grid_test, has_at_most_100000_rules) {
  EXPECT_EQ(grid_of("steps:1:100000:1").rules.size(), 100000u);
  const auto refusal = [](const char* text) { return refusal_of([&] { grid_of(text); }); };
  EXPECT_THAT(refusal("steps:0:100000:1"), HasSubstr("at most 100000"));
  EXPECT_THAT(refusal("steps:1:1e9:1e-9"), HasSubstr("in at most 100000 values, found '1:1e9:1e-9'"));
  EXPECT_THAT(refusal("patience:patience=1:1000:1,min_delta=1:101:1"), HasSubstr("at most 100000 settings"));
}

TEST(rule_grid_test, a_refusal_begins_with_the_option) {
  const auto of_window = [](const char* text) {
    return refusal_of([&] { expand_values(text, ',', "--window"); });
  };
  EXPECT_EQ(of_window(""), "--window: expected values, found ''");
  EXPECT_EQ(of_window("5,,6"), "--window: expected values, found '5,,6'");
  EXPECT_EQ(of_window("5,5:20"), "--window: expected FIRST:LAST:STEP, found '5:20'");
  EXPECT_EQ(of_window("1:2:3:4"), "--window: expected FIRST:LAST:STEP, found '1:2:3:4'");
  EXPECT_EQ(of_window("5:twenty:5"), "--window: expected FIRST:LAST:STEP with numbers, found 'twenty'");
  EXPECT_EQ(of_window("5:inf:5"), "--window: expected FIRST:LAST:STEP with numbers, found 'inf'");
  EXPECT_EQ(of_window("5:20:"), "--window: expected FIRST:LAST:STEP with numbers, found ''");
  for (const char* const text : {"5:20:0", "5:20:-5", "20:5:5"})
    EXPECT_THAT(of_window(text), HasSubstr("--window: expected a range that rises by a step above 0"));

  const auto of_stop = [](const char* text) { return refusal_of([&] { expand_rule(text, "--stop x"); }); };
  EXPECT_EQ(of_stop(""), "--stop x: '': expected the name of a rule, found none");
  EXPECT_THAT(of_stop("dvar&"), HasSubstr("--stop x: 'dvar&': expected the name of a rule"));
  EXPECT_THAT(of_stop("dvar:"), HasSubstr("--stop x: 'dvar:': expected KEY=VALUE"));
  EXPECT_EQ(of_stop("dvar:window="), "--stop x: expected values, found ''");
  EXPECT_EQ(of_stop("dvar:window=5:10"), "--stop x: expected FIRST:LAST:STEP, found '5:10'");
}

}  // namespace
}  // namespace dvar::cli
