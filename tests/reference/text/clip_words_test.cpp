#include "text/clip_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dvar::text::normalize_for_clip;
using dvar::text::split_clip_words;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(clip_words_test, normalizes) {
  EXPECT_EQ(normalize_for_clip("  A\t\n Photo\u3000OF "), " a photo of ");
  EXPECT_EQ(normalize_for_clip("Cafe\u0301"), "café");
  EXPECT_EQ(normalize_for_clip("ΟΔΟΣ İ"), "οδοσ i\u0307");
  EXPECT_EQ(normalize_for_clip("a\xff"), "a\ufffd");
  EXPECT_EQ(normalize_for_clip(""), "");
}

TEST(clip_words_test, splits_letters_single_digits_and_the_rest) {
  EXPECT_THAT(split_clip_words("two cats, 42 dogs!?"),
              ElementsAre("two", "cats", ",", "4", "2", "dogs", "!?"));
  EXPECT_THAT(split_clip_words("猫と犬½x"), ElementsAre("猫と犬", "½", "x"));
  EXPECT_THAT(split_clip_words("a_b-c"), ElementsAre("a", "_", "b", "-", "c"));
  EXPECT_THAT(split_clip_words("x\u0301y"), ElementsAre("x", "\u0301", "y"));
  EXPECT_THAT(split_clip_words(" \u00a0 "), IsEmpty());
}

TEST(clip_words_test, splits_contractions_where_the_apostrophe_begins_a_word) {
  EXPECT_THAT(split_clip_words("it's we'll i'd"), ElementsAre("it", "'s", "we", "'ll", "i", "'d"));
  EXPECT_THAT(split_clip_words("'street"), ElementsAre("'s", "treet"));
  EXPECT_THAT(split_clip_words("!'s"), ElementsAre("!'", "s"));
  EXPECT_THAT(split_clip_words("'x"), ElementsAre("'", "x"));
}

TEST(clip_words_test, splits_the_names_of_special_tokens_in_three) {
  EXPECT_THAT(split_clip_words("<|endoftext|>>"), ElementsAre("<|", "endoftext", "|>", ">"));
  EXPECT_THAT(split_clip_words("!<|endoftext|>>"), ElementsAre("!<|", "endoftext", "|>>"));
  EXPECT_THAT(split_clip_words("<|startoftext|"), ElementsAre("<|", "startoftext", "|"));
}

}  // namespace
