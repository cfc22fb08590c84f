#include "text/byte_pair_encoding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error.hpp"
#include "text/byte_alphabet.hpp"

namespace {

using dvar::text::byte_pair_encoding;
using testing::ElementsAre;

using merge_list = std::vector<std::pair<std::string, std::string>>;

/// Returns all bytes, then the results of the merges from 1000 on; 999 is the unknown token.
byte_pair_encoding::vocabulary vocabulary_of(const merge_list& merges) {
  byte_pair_encoding::vocabulary ids;
  for (std::int64_t byte = 0; byte < 256; ++byte) {
    const auto& symbol = dvar::text::byte_symbols()[static_cast<std::size_t>(byte)];
    ids[symbol] = byte;
    ids[symbol + "</w>"] = 256 + byte;
  }
  for (std::int64_t id = 1000; const auto& [left, right] : merges)
    ids.emplace(left + right, id++);
  return ids;
}

std::vector<std::int64_t> encoded(const merge_list& merges, std::string_view word) {
  std::vector<std::int64_t> ids;
  byte_pair_encoding(vocabulary_of(merges), merges, 999, "test").encode(word, ids);
  return ids;
}

TEST(byte_pair_encoding_test, marks_the_last_byte) {
  EXPECT_THAT(encoded({}, "ab"), ElementsAre('a', 256 + 'b'));
  EXPECT_THAT(encoded({}, "a"), ElementsAre(256 + 'a'));
  EXPECT_THAT(encoded({}, "\xff\x01"), ElementsAre(0xff, 257));
}

TEST(byte_pair_encoding_test, takes_the_best_merge_first_and_the_leftmost_of_equal_ones) {
  EXPECT_THAT(encoded({{"b", "c"}, {"a", "b"}}, "abcx"), ElementsAre('a', 1000, 256 + 'x'));
  EXPECT_THAT(encoded({{"a", "b"}, {"b", "c"}}, "abcx"), ElementsAre(1000, 'c', 256 + 'x'));
  EXPECT_THAT(encoded({{"a", "a"}}, "aaaax"), ElementsAre(1000, 1000, 256 + 'x'));
  EXPECT_THAT(encoded({{"a", "a"}}, "aaax"), ElementsAre(1000, 'a', 256 + 'x'));
}

TEST(byte_pair_encoding_test, merges_what_merges_make) {
  const merge_list merges{{"a", "t</w>"}, {"c", "at</w>"}};
  EXPECT_THAT(encoded(merges, "cat"), ElementsAre(1001));
  EXPECT_THAT(encoded(merges, "catx"), ElementsAre('c', 'a', 't', 256 + 'x'));
}

TEST(byte_pair_encoding_test, gives_unknown_symbols_the_unknown_id) {
  byte_pair_encoding::vocabulary ids{{"a", 1}, {"unk", 0}};
  std::vector<std::int64_t> out;
  byte_pair_encoding(ids, {}, 0, "test").encode("aba", out);
  EXPECT_THAT(out, ElementsAre(1, 0, 0));
}

TEST(byte_pair_encoding_test, reads_long_words_in_reasonable_time) {
  const merge_list merges{{"a", "a"}, {"aa", "aa"}};
  const auto ids = encoded(merges, std::string(1'000'001, 'a'));
  ASSERT_EQ(ids.size(), 250'001U);  // seconds, were it quadratic
  EXPECT_EQ(ids.front(), 1001);
  EXPECT_EQ(ids.back(), 256 + 'a');
}

TEST(byte_pair_encoding_test, refuses_merges_outside_the_vocabulary) {
  auto ids = vocabulary_of({});
  EXPECT_THAT([&] { byte_pair_encoding refused(ids, {{"a", "b"}}, 0, "merges.txt"); },
              testing::ThrowsMessage<dvar::input_error>(
                  R"(merges.txt: merge "a" "b": expected "ab" in the vocabulary, found no such token)"));
}

}  // namespace
