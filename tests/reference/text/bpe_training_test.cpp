#include "text/bpe_training.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error.hpp"
#include "text/clip_tokenizer.hpp"

namespace dvar::text {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr std::int64_t bytes_and_specials = 514;

TEST(bpe_training_test, counts_normalized_words) {
  word_counts counts;
  count_words("A cat, a CAT", counts);
  count_words("cat", counts);
  EXPECT_THAT(counts, ElementsAre(Pair(",", 1), Pair("a", 2), Pair("cat", 3)));
}

TEST(bpe_training_test, merges_the_most_frequent_pair) {
  const auto vocabulary =
      train_bpe({{"low", 5}, {"lower", 2}, {"newest", 6}}, {.vocabulary_size = bytes_and_specials + 3});
  // w-e 8 times, then l-o 7 times; then e-we, n-e, s-t</w> and we-s 6 times each, and the first in byte order
  // wins.
  EXPECT_THAT(vocabulary.merges, ElementsAre(Pair("w", "e"), Pair("l", "o"), Pair("e", "we")));
  EXPECT_EQ(vocabulary.tokens.size(), 517U);
  EXPECT_EQ(vocabulary.tokens[512], "we");
  EXPECT_EQ(vocabulary.tokens[515], "<|startoftext|>");
  EXPECT_EQ(vocabulary.tokens[516], "<|endoftext|>");
}

TEST(bpe_training_test, breaks_ties_in_byte_order) {
  const auto vocabulary =
      train_bpe({{"xy", 3}, {"ab", 3}, {"aa", 3}}, {.vocabulary_size = bytes_and_specials + 3});
  EXPECT_THAT(vocabulary.merges, ElementsAre(Pair("a", "a</w>"), Pair("a", "b</w>"), Pair("x", "y</w>")));
}

TEST(bpe_training_test, counts_pairs_that_overlap_as_they_are_merged) {
  const auto vocabulary = train_bpe({{"aaaaa", 4}, {"bc", 5}}, {.vocabulary_size = bytes_and_specials + 3});
  // a-a 12, then (a a)(a a) a</w>: aa-aa 4, aa-a</w> 4, b-c</w> 5.
  EXPECT_THAT(vocabulary.merges, ElementsAre(Pair("a", "a"), Pair("b", "c</w>"), Pair("aa", "a</w>")));
}

TEST(bpe_training_test, stops_where_no_pair_is_frequent_enough) {
  EXPECT_EQ(train_bpe({{"ab", 1}}, {.minimum_count = 2}).merges.size(), 0U);
  EXPECT_EQ(train_bpe({{"ab", 1}}, {.minimum_count = 1}).merges.size(), 1U);
  EXPECT_EQ(train_bpe({}, {}).tokens.size(), 514U);
}

TEST(bpe_training_test, refuses_impossible_sizes) {
  EXPECT_THROW((void)train_bpe({}, {.vocabulary_size = 513}), dvar::input_error);
  EXPECT_THROW((void)train_bpe({}, {.minimum_count = 0}), dvar::input_error);
  EXPECT_THROW((void)train_bpe({{"a", -1}}, {}), dvar::input_error);
}

TEST(bpe_training_test, gives_a_tokenizer_that_knows_the_words_it_learned) {
  word_counts counts;
  for (int i = 0; i < 3; ++i)
    count_words("a photo of a cat's \"tail\" \\ naïve 猫", counts);
  const auto directory = std::filesystem::path(testing::TempDir()) / "dvar_bpe_training";
  std::filesystem::remove_all(directory);
  write_clip_tokenizer(directory, train_bpe(counts, {}), 16);
  const auto tokenizer = clip_tokenizer::from_directory(directory);
  EXPECT_EQ(tokenizer.max_length(), 16);
  for (const auto* word : {"photo", "of", "cat", "'s", "tail", "\"", "\\", "naïve", "猫"}) {
    const auto ids = tokenizer.encode_text(word);
    ASSERT_EQ(ids.size(), 1U) << word;
    EXPECT_TRUE(tokenizer.is_whole_word(ids[0])) << word;
    EXPECT_EQ(tokenizer.readable(ids[0]), word);
  }
}

}  // namespace
}  // namespace dvar::text
