#include "text/bert_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvar::text {
namespace {

using testing::ElementsAre;

TEST(normalize_for_bert_test, drops_what_is_no_text_and_makes_spaces_of_white_space) {
  EXPECT_EQ(normalize_for_bert(std::string_view("a\0b\x01\x7f\u200d\ufeff\ue000\ufffd", 18)), "ab");
  EXPECT_EQ(normalize_for_bert("a\tb\nc\rd\u00a0e\u3000f"), "a b c d e f");
  EXPECT_EQ(normalize_for_bert("a\x0b\x1c\u0085z"), "az");  // control characters, not white space, to BERT
  EXPECT_EQ(normalize_for_bert("a\xff z"), "a z");
}

TEST(normalize_for_bert_test, lowers_case_strips_accents_and_spaces_ideographs_where_it_is_told_to) {
  EXPECT_EQ(normalize_for_bert("ÀÉ e\u0301 Å İ"), "ae e a i");
  EXPECT_EQ(normalize_for_bert("猫x犬"), " 猫 x 犬 ");
  EXPECT_EQ(normalize_for_bert("ÀÉ", {.strip_accents = false}), "àé");
  EXPECT_EQ(normalize_for_bert("ÀÉ", {.lower_case = false}), "AE");
  EXPECT_EQ(
      normalize_for_bert("ÀÉ猫", {.lower_case = false, .strip_accents = false, .space_ideographs = false}),
      "ÀÉ猫");
}

TEST(normalize_for_bert_test, knows_the_marks_of_unicode_8) {
  EXPECT_EQ(normalize_for_bert("a\u08e3"), "a");        // of Unicode 8
  EXPECT_EQ(normalize_for_bert("a\u08d4"), "a\u08d4");  // of Unicode 9
}

TEST(split_bert_words_test, parts_at_spaces_and_punctuation) {
  EXPECT_THAT(split_bert_words("a photo, of (it's)  me…"),
              ElementsAre("a", "photo", ",", "of", "(", "it", "'", "s", ")", "me", "…"));
  EXPECT_THAT(split_bert_words("a_b+c"), ElementsAre("a", "_", "b", "+", "c"));
  EXPECT_THAT(split_bert_words("1½€猫"), ElementsAre("1½€猫"));
  EXPECT_THAT(split_bert_words("  "), ElementsAre());
}

}  // namespace
}  // namespace dvar::text
