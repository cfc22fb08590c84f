#include <optional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/catalog/rule_text.hpp>

namespace dvar {
namespace {

TEST(rule_text_test, takes_a_text_apart) {
  EXPECT_EQ(parse_rules("hall"), (joint_text{{.name = "hall"}}));
  EXPECT_EQ(parse_rules("dvar:v1,window=15"),
            (joint_text{{.name = "dvar", .options = {{"v1"}, {"window", "15"}}}}));
  EXPECT_EQ(
      parse_rules("a:x=1&b&c:y"),
      (joint_text{{.name = "a", .options = {{"x", "1"}}}, {.name = "b"}, {.name = "c", .options = {{"y"}}}}));
}

TEST(rule_text_test, does_not_look_at_names_and_values) {
  EXPECT_EQ(parse_rules("no rule: k = v=w:x ,z="),
            (joint_text{{.name = "no rule", .options = {{" k ", " v=w:x "}, {"z", ""}}}}));
}

TEST(rule_text_test, is_written_as_it_is_read) {
  for (const std::string text :
       {"hall", "dvar:v1,window=15", "a:x=1,y=,z&b&a:x=1", "threshold:limit=1e-5,direction=maximize"}) {
    EXPECT_EQ(to_text(parse_rules(text)), text);
    EXPECT_EQ(parse_rules(to_text(parse_rules(text))), parse_rules(text));
  }
  EXPECT_EQ(to_text(rule_text{.name = "hall", .options = {{"window", "9"}, {"word"}}}), "hall:window=9,word");
  EXPECT_EQ(to_text(joint_text{}), "");
}

TEST(rule_text_test, says_where_a_part_is_missing) {
  const auto refuses = [](const std::string& text, const std::string& why) {
    EXPECT_THAT([&] { parse_rules(text); },
                testing::ThrowsMessage<std::invalid_argument>("'" + text + "': expected " + why));
  };
  for (const char* const text : {"", ":", ":window=3", "&", "hall&", "&hall", "hall&&dvar", "hall&:x=1"})
    refuses(text, "the name of a rule, found none");
  for (const char* const text :
       {"hall:", "hall:,", "hall:x=1,", "hall:,x=1", "hall:x=1,,y=2", "hall:=3", "a&hall:="})
    refuses(text, "KEY=VALUE after the colon and each comma");
}

TEST(rule_text_test, finds_options) {
  const rule_text rule{.name = "hall", .options = {{"window", "9"}, {"word"}, {"window", "8"}}};
  ASSERT_NE(rule.find("window"), nullptr);
  EXPECT_EQ(rule.find("window")->value, "9");
  EXPECT_EQ(rule.find("word")->value, std::nullopt);
  EXPECT_EQ(rule.find("threshold"), nullptr);
}

TEST(rule_text_test, takes_all_options_of_a_key_out) {
  rule_text rule{.name = "hall", .options = {{"window", "9"}, {"word"}, {"window", "8"}}};
  EXPECT_EQ(rule.take("threshold"), std::nullopt);
  EXPECT_EQ(rule.take("window"), (option_text{"window", "9"}));
  EXPECT_EQ(rule, (rule_text{.name = "hall", .options = {{"word"}}}));
}

}  // namespace
}  // namespace dvar
