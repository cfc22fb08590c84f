#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/catalog/closest_name.hpp>

namespace dvar {
namespace {

using detail::edit_distance;

constexpr std::array<std::string_view, 4> names{"window", "windows", "threshold", "patience"};

TEST(closest_name_test, counts_the_characters_to_change) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("patience", "patience"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("patiance", "patience"), 1U);  // replaced
  EXPECT_EQ(edit_distance("windw", "window"), 1U);       // put in
  EXPECT_EQ(edit_distance("windoww", "window"), 1U);     // left out
  EXPECT_EQ(edit_distance("widnow", "window"), 2U);      // swapped: out and in again
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);     // Levenshtein's example in every textbook
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3U);
}

TEST(closest_name_test, finds_the_nearest) {
  EXPECT_EQ(closest_name("windw", names), "window");
  EXPECT_EQ(closest_name("windowss", names), "windows");
  EXPECT_EQ(closest_name("patience", names), "patience");
}

TEST(closest_name_test, finds_the_first_of_those_that_are_as_near) {
  EXPECT_EQ(closest_name("v3", std::array<std::string_view, 2>{"v1", "v2"}), "v1");
}

TEST(closest_name_test, finds_nothing_that_more_than_a_third_of_the_word_differs_from) {
  EXPECT_EQ(closest_name("thr", names), std::nullopt);
  EXPECT_EQ(closest_name("loss", names), std::nullopt);
  // A third of 7, rounded up, is 3.
  EXPECT_EQ(closest_name("abcdxyz", std::array<std::string_view, 1>{"abcd"}), "abcd");
  EXPECT_EQ(closest_name("abcdwxyz", std::array<std::string_view, 1>{"abcd"}), std::nullopt);
  EXPECT_EQ(closest_name("", names), std::nullopt);
  EXPECT_EQ(closest_name("window", std::vector<std::string_view>{}), std::nullopt);
}

}  // namespace
}  // namespace dvar
