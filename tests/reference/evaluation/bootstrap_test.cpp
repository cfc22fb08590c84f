#include "evaluation/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace dvar::evaluation {
namespace {

// numpy.quantile([3., 1, 4, 1, 5, 9, 2, 6], [0, 0.25, 0.5, 0.9, 1]) is [1, 1.75, 3.5, 6.9, 9].
TEST(quantile_test, lies_between_the_values_as_numpy_has_it) {
  const std::vector<double> values{3, 1, 4, 1, 5, 9, 2, 6};
  EXPECT_EQ(quantile(values, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(quantile(values, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 3.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 6.9);
  EXPECT_EQ(quantile(values, 1.0), 9.0);
  EXPECT_EQ(quantile({7.0}, 0.3), 7.0);
}

TEST(bootstrap_mean_test, fewer_than_two_values_have_no_interval) {
  EXPECT_FALSE(bootstrap_mean({}));
  EXPECT_FALSE(bootstrap_mean({1.0}));
}

TEST(bootstrap_mean_test, equal_values_have_an_interval_without_width) {
  const auto found = bootstrap_mean({2.0, 2.0, 2.0});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->low, 2.0);
  EXPECT_EQ(found->high, 2.0);
}

// Of two values the mean of a resample is the less in a quarter of all, the greater in another, and else between them.
TEST(bootstrap_mean_test, of_two_values_is_known) {
  const auto wide = bootstrap_mean({1.0, 4.0}, {.confidence = 0.6});
  ASSERT_TRUE(wide);
  EXPECT_EQ(wide->low, 1.0);
  EXPECT_EQ(wide->high, 4.0);
  const auto narrow = bootstrap_mean({1.0, 4.0}, {.confidence = 0.4});
  ASSERT_TRUE(narrow);
  EXPECT_EQ(narrow->low, 2.5);
  EXPECT_EQ(narrow->high, 2.5);
}

// Of many values the means are nearly normal, about the mean of the values with their standard error.
TEST(bootstrap_mean_test, of_many_values_is_near_the_normal_interval) {
  std::vector<double> values;
  for (int i = 0; i < 400; ++i)
    values.push_back(std::sin(i));
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / 400.0;
  const double error = std::sqrt(0.5 / 400.0);  // the squares of a sine are 1/2 on average
  const auto found = bootstrap_mean(values);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->low, mean - 1.96 * error, 0.1 * error);
  EXPECT_NEAR(found->high, mean + 1.96 * error, 0.1 * error);
}

// Written out once more: raw numbers of the standard's generator, whose upper 53 bits choose.
TEST(bootstrap_mean_test, is_a_function_of_values_and_seed_on_every_machine) {
  const std::vector<double> values{0.3, 0.1, 0.7, 0.2, 0.9};
  const bootstrap_options options{.confidence = 1.0, .resamples = 100, .seed = 7};
  std::mt19937_64 engine{7};
  std::vector<double> means;
  for (int i = 0; i < 100; ++i) {
    double sum = 0.0;
    for (int drawn = 0; drawn < 5; ++drawn)
      sum += values[static_cast<std::size_t>(std::ldexp(static_cast<double>(engine() >> 11), -53) * 5.0)];
    means.push_back(sum / 5.0);
  }
  const auto found = bootstrap_mean(values, options);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->low, std::ranges::min(means));
  EXPECT_EQ(found->high, std::ranges::max(means));
}

}  // namespace
}  // namespace dvar::evaluation
