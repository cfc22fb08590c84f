#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/catalog/make_criterion.hpp>
#include <dvar/catalog/rules.hpp>

#include "../every_criterion.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

/// Texts as `to_text` writes them.
const std::vector<std::string> texts{
    "variance_ratio",
    "variance_ratio:window=100,threshold=0.2,non_finite=skip",
    "patience:direction=maximize,patience=5,min_delta=0.02,after=100",
    "step_limit:limit=6100",
    "non_finite:latched",
    "variance_ratio:despiked=3,every=2,consecutive=5,after=500,latched",
    "variance_ratio&slope_test|step_limit:limit=6100",
    "(variance_ratio|step_limit:limit=5)&non_finite",
    "(variance_ratio&slope_test):consecutive=5,after=500|non_finite|step_limit:limit=6100",
    "(variance_ratio:after=20):despiked=3",
    "((variance_ratio|slope_test):latched):every=2",
    "((hall:after=3):after=2):after=1",
};

TEST(rule_spec_test, a_text_makes_a_rule_that_says_the_same_text) {
  for (const std::string& text : texts) {
    EXPECT_EQ(to_text(parse_spec(text)), text);
    EXPECT_EQ(to_text(spec_of(make_criterion(text))), text);
  }
}

TEST(rule_spec_test, json_makes_the_same_rule) {
  for (const std::string& text : texts) {
    const any_criterion rule = make_criterion(text);
    const any_criterion again = make_criterion(to_json(spec_of(rule)));
    EXPECT_EQ(spec_of(again), spec_of(rule)) << to_json(spec_of(rule));
    EXPECT_EQ(save_state(again), save_state(rule)) << text;
  }
  EXPECT_EQ(
      to_json(
          spec_of(make_criterion("(dvar:window=100&patience:direction=maximize):after=500|steps:9,latched"))),
      R"({"any_of":[{"all_of":[{"rule":"variance_ratio","window":100},{"rule":"patience","direction":"maximize"}],"after":500},{"rule":"step_limit","limit":9,"latched":true}]})");
  EXPECT_EQ(save_state(make_criterion(R"({"rule":"dvar","settings":"v1"})")),
            save_state(make_criterion("dvar:v1")));
  EXPECT_EQ(to_json(parse_spec("dvar:v1")), R"({"rule":"dvar","settings":"v1"})");
  EXPECT_EQ(to_text(spec_of(make_criterion(" { \"window\" : 50 , \"rule\":\"hall\", \"latched\":false }\n"))),
            "hall:window=50");
}

// The groups and modifiers of C++ say themselves, whatever they are made of.
TEST(rule_spec_test, every_rule_says_what_it_is_or_that_no_text_does) {
  int said = 0;
  test::for_each(test::every_criterion(), [&](const auto& fresh) {
    std::string text;
    try {
      text = to_text(spec_of(fresh));
    } catch (const std::invalid_argument& refusal) {
      EXPECT_STREQ(refusal.what(),
                   "a rule among these has no text: it has no options that describe themselves");
      return;
    }
    // Rules on vectors cannot be made from it, and the real clock is not the one that stands still.
    for (const std::string_view other : {"movement", "pflug", "evidence_based", "wall_clock_limit"})
      if (text.starts_with(other)) return;
    any_criterion made = make_criterion(text);
    auto rule = fresh;
    for (int i = 1; i <= 100; ++i)
      ASSERT_EQ(made.observe(1.0 / i + 0.01 * (i % 3)), rule.observe(1.0 / i + 0.01 * (i % 3))) << text;
    ++said;
  });
  EXPECT_GE(said, 26);
}

TEST(rule_spec_test, refuses_texts_that_are_none) {
  const auto make = [](std::string_view text) { return [text] { (void)make_criterion(text); }; };
  EXPECT_THAT(make("(dvar:v2"),
              ThrowsMessage<std::invalid_argument>("'(dvar:v2': expected ')' at character 9"));
  EXPECT_THAT(make("dvar)"),
              ThrowsMessage<std::invalid_argument>("'dvar)': expected the end at character 5"));
  EXPECT_THAT(
      make("(dvar|hall):window=3"),
      ThrowsMessage<std::invalid_argument>(
          "'any_of:window=3': a group takes no 'window'; expected some of despiked, every, consecutive, after, latched"));
  EXPECT_THAT(make("dvar|"),
              ThrowsMessage<std::invalid_argument>("'': expected the name of a rule, found none"));
  EXPECT_THAT(make(R"({"rule":"dvar")"),
              ThrowsMessage<std::invalid_argument>("'{\"rule\":\"dvar\"': expected '}' at character 15"));
  EXPECT_THAT(
      make(R"({"window":3})"),
      ThrowsMessage<std::invalid_argument>(
          "'{\"window\":3}': expected \"rule\", \"any_of\" or \"all_of\" in the object before it at character 13"));
  EXPECT_THAT(
      make(R"({"rule":"hall","window":[3]})"),
      ThrowsMessage<std::invalid_argument>(
          "'{\"rule\":\"hall\",\"window\":[3]}': expected a number, a string, true, false or null at character 25"));
}

}  // namespace
}  // namespace dvar
