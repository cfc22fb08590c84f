#include "models/clip_pair.hpp"

#include <gtest/gtest.h>

// The numbers are compared with transformers' in tests/parity/test_sdxl.py.

namespace dvar::models {
namespace {

constexpr std::int64_t end = 29;

clip_text tower(std::int64_t width, std::int64_t projection_width, std::int64_t vocabulary_size = 30,
                std::int64_t max_length = 6) {
  random_parameters parameters{static_cast<std::uint64_t>(width)};
  return clip_text{scope{parameters},
                   {.encoder = {.width = width,
                                .feed_forward_width = 20,
                                .heads = 2,
                                .layers = 2,
                                .act = activation_named("gelu", "")},
                    .vocabulary_size = vocabulary_size,
                    .max_length = max_length,
                    .projection_width = projection_width}};
}

/// Returns the ids of one text for both towers.
at::Tensor text_of(const std::vector<std::int64_t>& ids) {
  return torch::tensor(ids).unsqueeze(0);
}

TEST(clip_pair_test, joins_the_rows_of_a_word) {
  const clip_text first = tower(4, 0), second = tower(8, 5);
  const clip_pair pair{first, second, end};
  EXPECT_EQ(pair.first_width(), 4);
  EXPECT_EQ(pair.projection_width(), 5);
  ASSERT_EQ(pair.token_embedding().sizes(), (std::vector<std::int64_t>{30, 12}));
  EXPECT_TRUE(at::equal(pair.token_embedding().narrow(1, 0, 4), first.token_embedding()));
  EXPECT_TRUE(at::equal(pair.token_embedding().narrow(1, 4, 8), second.token_embedding()));
}

TEST(clip_pair_test, takes_a_concepts_columns_for_each_tower) {
  const clip_pair pair{tower(4, 0), tower(8, 5), end};
  const at::Tensor word = text_of({28, 7, 3, end, end, end, 28, 7, 3, end, 0, 0});
  const at::Tensor as_concept = text_of({28, 30, 3, end, end, end, 28, 30, 3, end, 0, 0});
  const conditioning known = pair.encode(word);
  const conditioning learned = pair.encode(as_concept, pair.token_embedding().narrow(0, 7, 1).clone());
  EXPECT_EQ(known.states.sizes(), (std::vector<std::int64_t>{1, 6, 12}));
  EXPECT_EQ(known.pooled.sizes(), (std::vector<std::int64_t>{1, 5}));
  EXPECT_TRUE(at::equal(known.states, learned.states));
  EXPECT_TRUE(at::equal(known.pooled, learned.pooled));
}

TEST(clip_pair_test, takes_the_whole_text_where_it_ends) {
  const clip_pair pair{tower(4, 0), tower(8, 5), end};
  // What stands behind the end is not seen, and a concept has a higher id than the end.
  const at::Tensor vectors = torch::ones({1, 12});
  const conditioning filled =
      pair.encode(text_of({28, 30, end, end, end, end, 28, 30, end, 0, 0, 0}), vectors);
  const conditioning other =
      pair.encode(text_of({28, 30, end, end, end, end, 28, 30, end, 5, 6, 7}), vectors);
  EXPECT_TRUE(at::equal(filled.pooled, other.pooled));
  const conditioning later =
      pair.encode(text_of({28, 30, end, end, end, end, 28, 30, 5, end, 6, 7}), vectors);
  EXPECT_FALSE(at::allclose(filled.pooled, later.pooled));
}

TEST(clip_pair_test, refuses_towers_that_do_not_fit) {
  EXPECT_THROW((clip_pair{tower(4, 0), tower(8, 0), end}), std::invalid_argument);
  EXPECT_THROW((clip_pair{tower(4, 0), tower(8, 5, 31), end}), std::invalid_argument);
  EXPECT_THROW((clip_pair{tower(4, 0), tower(8, 5, 30, 7), end}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::models
