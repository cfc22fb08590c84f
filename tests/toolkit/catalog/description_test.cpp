#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/catalog/description.hpp>
#include <dvar/catalog/make_criterion.hpp>

namespace dvar {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using kind = option_description::kind;

std::vector<rule_description> all_rules() {
  std::vector<rule_description> rules = describe_all(scalar_rules{});
  for (rule_description& rule : describe_all(vector_rules{}))
    rules.push_back(std::move(rule));
  return rules;
}

TEST(description_test, of_a_rule_with_aliases_and_published_settings) {
  const rule_description rule = describe<variance_ratio>();
  EXPECT_EQ(rule.name, "variance_ratio");
  EXPECT_THAT(rule.aliases, ElementsAre("dvar"));
  EXPECT_EQ(rule.summary, variance_ratio::summary);
  EXPECT_FALSE(rule.has_direction);
  EXPECT_THAT(rule.reported, ElementsAre("rolling_variance", "total_variance", "ratio"));
  ASSERT_EQ(rule.published.size(), 2U);
  EXPECT_EQ(rule.published[0].first, "v1");
  EXPECT_THAT(rule.published[0].second, ElementsAre("282", "0.39", "keep"));
  ASSERT_EQ(rule.options.size(), 3U);
  const option_description& window = rule.options[0];
  EXPECT_EQ(window.name, "window");
  EXPECT_EQ(window.type, kind::whole_number);
  EXPECT_EQ(window.allowed, "at least 2");
  EXPECT_EQ(window.default_value, "310");
  EXPECT_FALSE(window.required);
  EXPECT_EQ(rule.options[1].type, kind::number);
  EXPECT_EQ(rule.options[1].default_value, "0.15");
  EXPECT_EQ(rule.options[2].type, kind::choice);
  EXPECT_THAT(rule.options[2].choices, ElementsAre("keep", "skip"));
  EXPECT_EQ(rule.options[2].allowed, "");
  EXPECT_EQ(rule.options[2].default_value, "keep");
}

TEST(description_test, of_a_rule_with_a_direction_and_an_option_that_need_not_be_given) {
  const rule_description rule = describe<patience>();
  EXPECT_TRUE(rule.has_direction);
  EXPECT_THAT(rule.aliases, IsEmpty());
  EXPECT_THAT(rule.published, IsEmpty());
  const option_description& baseline = rule.options[5];
  EXPECT_EQ(baseline.name, "baseline");
  EXPECT_EQ(baseline.type, kind::number);
  EXPECT_EQ(baseline.default_value, std::nullopt);
  EXPECT_FALSE(baseline.required);
}

TEST(description_test, of_rules_with_a_required_option) {
  for (const rule_description& rule : {describe<step_limit>(), describe<threshold>(),
                                       describe<wall_clock_limit<>>(), describe<evidence_based>()}) {
    ASSERT_EQ(rule.options.size(), 1U) << rule.name;
    EXPECT_TRUE(rule.options[0].required) << rule.name;
    EXPECT_EQ(rule.options[0].default_value, std::nullopt) << rule.name;
  }
}

TEST(description_test, of_a_rule_without_options) {
  EXPECT_THAT(describe<non_finite>().options, IsEmpty());
  EXPECT_THAT(describe<non_finite>().reported, IsEmpty());
}

TEST(description_test, names_of_all_rules_differ) {
  std::set<std::string_view> names;
  for (const rule_description& rule : all_rules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    for (const std::string_view alias : rule.aliases)
      EXPECT_TRUE(names.insert(alias).second) << alias;
  }
  for (const std::string_view name : criterion_names())
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(description_test, texts_can_stand_in_a_table) {
  for (const rule_description& rule : all_rules()) {
    SCOPED_TRACE(rule.name);
    EXPECT_TRUE(rule.summary.starts_with("Stops "));
    EXPECT_NE(rule.summary.back(), '.');
    for (const option_description& option : rule.options) {
      EXPECT_FALSE(option.sentence.empty()) << option.name;
      EXPECT_NE(option.sentence.back(), '.') << option.name;
      EXPECT_EQ(option.choices.empty(), option.type != kind::choice) << option.name;
    }
    for (const auto& [name, values] : rule.published)
      EXPECT_EQ(values.size(), rule.options.size()) << name;
  }
}

TEST(description_test, defaults_are_those_of_the_rule) {
  for (const rule_description& rule : describe_all(scalar_rules{})) {
    rule_text required{std::string(rule.name)};
    rule_text all = required;
    for (const option_description& option : rule.options) {
      if (option.required) required.options.push_back({std::string(option.name), "2"});
      if (option.required || option.default_value)
        all.options.push_back({std::string(option.name), option.default_value.value_or("2")});
    }
    EXPECT_EQ(save_state(make_criterion(all)), save_state(make_criterion(required))) << rule.name;
  }
}

TEST(description_test, published_settings_are_those_of_the_text) {
  for (const rule_description& rule : describe_all(scalar_rules{})) {
    for (const auto& [name, values] : rule.published) {
      rule_text text{.name = std::string(rule.name)};
      for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i]) text.options.push_back({std::string(rule.options[i].name), values[i]});
      const rule_text published{.name = text.name, .options = {{std::string(name)}}};
      EXPECT_EQ(save_state(make_criterion(text)), save_state(make_criterion(published)))
          << to_text(published);
    }
  }
}

}  // namespace
}  // namespace dvar
