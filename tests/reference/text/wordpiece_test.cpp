#include "text/wordpiece.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvar::text {
namespace {

using testing::ElementsAre;

std::vector<std::int64_t> encoded(std::string_view word) {
  const vocabulary entries({{"?", 0},
                            {"un", 1},
                            {"unaff", 2},
                            {"##aff", 3},
                            {"##able", 4},
                            {"##a", 5},
                            {"é", 6},
                            {"##é", 7},
                            {"a", 8}},
                           "test");
  std::vector<std::int64_t> ids{99};  // what is there stays
  wordpiece(entries, /*unknown=*/0).encode(word, ids);
  EXPECT_EQ(ids.front(), 99);
  return {ids.begin() + 1, ids.end()};
}

TEST(wordpiece_test, takes_the_longest_piece_first) {
  EXPECT_THAT(encoded("un"), ElementsAre(1));
  EXPECT_THAT(encoded("unaffable"), ElementsAre(2, 4));
  EXPECT_THAT(encoded("unaaffable"), ElementsAre(1, 5, 3, 4));
  EXPECT_THAT(encoded("éééa"), ElementsAre(6, 7, 7, 5));
}

TEST(wordpiece_test, gives_up_on_the_whole_word) {
  EXPECT_THAT(encoded("unx"), ElementsAre(0));
  EXPECT_THAT(encoded("unaffx"), ElementsAre(0));  // greedy: it does not go back to "un"
  EXPECT_THAT(encoded("able"), ElementsAre(0));    // only inside of words
}

TEST(wordpiece_test, knows_words_of_up_to_100_characters) {
  std::string word;
  for (int i = 0; i < 100; ++i)
    word += "é";
  EXPECT_EQ(encoded(word).size(), 100U);
  EXPECT_THAT(encoded(word + "é"), ElementsAre(0));
}

}  // namespace
}  // namespace dvar::text
