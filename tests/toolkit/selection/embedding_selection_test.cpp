#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/selection/embedding_selection.hpp>

namespace dvar {
namespace {

using features = xt::xtensor<float, 2>;
using testing::HasSubstr;
using testing::ThrowsMessage;

features random_features(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937 engine{seed};
  std::normal_distribution<float> normal;
  auto result = features::from_shape({rows, columns});
  for (float& value : result)
    value = normal(engine);
  return result;
}

/// Returns the mean over the queries of the cosine similarities, pair by pair.
double mean_cosine(const features& queries, const features& vocabulary, std::size_t row) {
  long double mean = 0;
  for (std::size_t q = 0; q < queries.shape(0); ++q) {
    long double product = 0;
    long double a = 0;
    long double b = 0;
    for (std::size_t d = 0; d < queries.shape(1); ++d) {
      product += static_cast<long double>(queries(q, d)) * vocabulary(row, d);
      a += static_cast<long double>(queries(q, d)) * queries(q, d);
      b += static_cast<long double>(vocabulary(row, d)) * vocabulary(row, d);
    }
    mean += product / std::sqrt(a * b) / static_cast<long double>(queries.shape(0));
  }
  return static_cast<double>(mean);
}

TEST(embedding_selection_test, scores_are_mean_cosine_similarities) {
  const auto queries = random_features(5, 24, 1);
  const auto vocabulary = random_features(300, 24, 2);
  const embedding_selection selection(queries, vocabulary);
  ASSERT_EQ(selection.scores().size(), 300U);
  for (std::size_t row = 0; row < 300; ++row)
    EXPECT_NEAR(selection.scores()(row), mean_cosine(queries, vocabulary, row), 1e-7);
}

TEST(embedding_selection_test, ranks_from_best_to_worst) {
  const embedding_selection selection(random_features(3, 8, 1), random_features(100, 8, 2));
  const auto order = selection.top(1000);
  ASSERT_EQ(order.size(), 100U);
  for (std::size_t i = 1; i < order.size(); ++i)
    EXPECT_GE(order[i - 1].score, order[i].score);
  EXPECT_EQ(selection.best(), order.front());
  EXPECT_EQ(selection.worst(), order.back());
  EXPECT_EQ(selection.top(7), std::vector(order.begin(), order.begin() + 7));
  EXPECT_TRUE(selection.top(0).empty());
}

TEST(embedding_selection_test, knows_directions_not_lengths) {
  const features queries{{1, 0}, {0, 5}};
  const features vocabulary{{-3, -3}, {1, 0}, {1e30F, 1e30F}, {1e-30F, 0}};
  const embedding_selection selection(queries, vocabulary);
  EXPECT_EQ(selection.best().index, 2U);
  EXPECT_FLOAT_EQ(selection.best().score, std::sqrt(0.5F));
  EXPECT_EQ(selection.worst().index, 0U);
  EXPECT_FLOAT_EQ(selection.worst().score, -std::sqrt(0.5F));
  EXPECT_FLOAT_EQ(selection.scores()(3), 0.5F);
}

TEST(embedding_selection_test, the_lower_index_wins_a_tie) {
  const features queries{{1, 0}};
  const features vocabulary{{0, 1}, {2, 0}, {1, 0}, {0, 1}};
  const embedding_selection selection(queries, vocabulary);
  EXPECT_EQ(selection.best().index, 1U);
  EXPECT_EQ(selection.worst().index, 0U);
  EXPECT_THAT(selection.top(4), testing::ElementsAre(testing::Field(&selected_embedding::index, 1U),
                                                     testing::Field(&selected_embedding::index, 2U),
                                                     testing::Field(&selected_embedding::index, 0U),
                                                     testing::Field(&selected_embedding::index, 3U)));
}

TEST(embedding_selection_test, never_chooses_rows_without_direction_or_excluded_ones) {
  const float nan = std::nanf("");
  const float inf = std::numeric_limits<float>::infinity();
  const features queries{{1, 0}};
  const features vocabulary{{0, 0}, {nan, 1}, {1, -inf}, {9, 0}, {1, 1}, {-9, 0}, {-1, 1}};
  const embedding_selection selection(queries, vocabulary, {false, false, false, true, false, true, false});
  EXPECT_EQ(selection.candidates(), 2U);
  EXPECT_EQ(selection.best().index, 4U);
  EXPECT_EQ(selection.worst().index, 6U);
  EXPECT_EQ(selection.top(9).size(), 2U);
  for (const std::size_t row : {0, 1, 2, 3, 5})
    EXPECT_TRUE(std::isnan(selection.scores()(row))) << row;
}

TEST(embedding_selection_test, random_choices_are_uniform_over_the_candidates_and_repeatable) {
  const features queries{{1, 0}};
  const features vocabulary{{1, 0}, {0, 0}, {0, 1}, {1, 1}};
  const embedding_selection selection(queries, vocabulary);
  std::mt19937 engine{3};
  std::mt19937 same{3};
  std::vector<int> chosen(4);
  for (int i = 0; i < 3000; ++i) {
    const auto choice = selection.random(engine);
    EXPECT_EQ(choice, selection.random(same));
    EXPECT_EQ(choice.score, selection.scores()(choice.index));
    ++chosen[choice.index];
  }
  EXPECT_EQ(chosen[1], 0);
  for (const std::size_t row : {0, 2, 3})
    EXPECT_NEAR(chosen[row], 1000, 130) << "five standard deviations of a binomial(3000, 1/3)";
}

TEST(embedding_selection_test, takes_views_and_expressions) {
  const auto queries = random_features(3, 8, 1);
  const auto vocabulary = random_features(20, 8, 2);
  const embedding_selection whole(queries, vocabulary);
  const embedding_selection scaled(2.0F * queries, 3.0F * vocabulary);
  EXPECT_EQ(scaled.best().index, whole.best().index);
}

TEST(embedding_selection_test, refuses_what_has_no_answer) {
  const auto queries = random_features(2, 8, 1);
  const auto vocabulary = random_features(5, 8, 2);
  EXPECT_THAT(
      [&] { embedding_selection(queries, random_features(5, 7, 2)); },
      ThrowsMessage<std::invalid_argument>(
          "embedding_selection: expected queries [Q, D] and vocabulary [V, D], not [2, 8] and [5, 7]"));
  EXPECT_THAT([&] { embedding_selection(random_features(0, 8, 1), vocabulary); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("not [0, 8] and [5, 8]")));
  EXPECT_THAT([&] { embedding_selection(queries, vocabulary, std::vector<bool>(4)); },
              ThrowsMessage<std::invalid_argument>(
                  "embedding_selection: the mask has 4 entries, the vocabulary 5 rows"));
  EXPECT_THAT([&] { embedding_selection(queries, vocabulary, std::vector<bool>(5, true)); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("none of the 5 vocabulary rows can be chosen")));
  EXPECT_THAT([&] { embedding_selection(features{{1, 2}, {0, 0}}, features{{1, 2}}); },
              ThrowsMessage<std::invalid_argument>(
                  "embedding_selection: query 1 is zero or has a non-finite feature"));
}

}  // namespace
}  // namespace dvar
