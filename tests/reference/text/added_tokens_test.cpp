#include "text/added_tokens.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dvar::text::added_token;
using dvar::text::added_token_matcher;
using testing::ElementsAre;

/// Returns the parts of the text, tokens in brackets.
std::vector<std::string> cut(const std::vector<added_token>& tokens, std::string_view text) {
  added_token_matcher matcher;
  for (const auto& token : tokens)
    matcher.add(token);
  std::vector<std::string> parts;
  matcher.cut(
      text, [&](std::string_view part) { parts.emplace_back(part); },
      [&](std::int64_t id) { parts.push_back(fmt::format("[{}]", id)); });
  return parts;
}

TEST(added_tokens_test, are_found_anywhere) {
  const std::vector<added_token> cat{{.content = "<cat>", .id = 1}};
  EXPECT_THAT(cut(cat, "a <cat> b"), ElementsAre("a ", "[1]", " b"));
  EXPECT_THAT(cut(cat, "<cat><cat>x"), ElementsAre("[1]", "[1]", "x"));
  EXPECT_THAT(cut(cat, "<cat"), ElementsAre("<cat"));
  EXPECT_THAT(cut(cat, ""), ElementsAre());
  EXPECT_THAT(cut({}, "text"), ElementsAre("text"));
}

TEST(added_tokens_test, longest_wins_whatever_the_order) {
  const added_token small{.content = "ab", .id = 1};
  const added_token large{.content = "abc", .id = 2};
  EXPECT_THAT(cut({small, large}, "abcab"), ElementsAre("[2]", "[1]"));
  EXPECT_THAT(cut({large, small}, "abcab"), ElementsAre("[2]", "[1]"));
  EXPECT_THAT(cut({{.content = "bcd", .id = 3}, small}, "abcd"), ElementsAre("[1]", "cd"));  // leftmost first
}

TEST(added_tokens_test, single_words_stand_alone) {
  const std::vector<added_token> cat{{.content = "cat", .id = 1, .single_word = true}};
  EXPECT_THAT(cut(cat, "cat, é cat"), ElementsAre("[1]", ", é ", "[1]"));
  EXPECT_THAT(cut(cat, "cats"), ElementsAre("cats"));
  EXPECT_THAT(cut(cat, "écat _cat 1cat"), ElementsAre("écat _cat 1cat"));
}

TEST(added_tokens_test, strip_white_space_beside_them) {
  EXPECT_THAT(cut({{.content = "x", .id = 1, .lstrip = true}}, "a \u00a0x x b"),
              ElementsAre("a", "[1]", "[1]", " b"));
  EXPECT_THAT(cut({{.content = "x", .id = 1, .rstrip = true}}, "a x\u3000 b"), ElementsAre("a ", "[1]", "b"));
  EXPECT_THAT(cut({{.content = "x", .id = 1, .lstrip = true, .rstrip = true}}, "x  x "),
              ElementsAre("[1]", "[1]"));
}

}  // namespace
