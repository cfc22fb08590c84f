#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/total_variance.hpp>

#include "../streams.hpp"

namespace dvar {
namespace {

using testing::Optional;

total_variance observed(std::span<const double> values) {
  total_variance all;
  for (const double value : values)
    all.observe(value);
  return all;
}

TEST(total_variance_test, agrees_with_two_passes_in_long_double) {
  for (const auto& [name, values] : test::streams(3000)) {
    total_variance all;
    for (std::size_t n = 1; n <= values.size(); ++n) {
      all.observe(values[n - 1]);
      if (n % 97 == 2 || n % 64 < 2) {
        const auto expected = test::two_pass_variance(std::span(values).first(n));
        ASSERT_TRUE(all.variance()) << name << ", n = " << n;
        if (n > 1) EXPECT_LT(test::relative_error(*all.variance(), expected), 1e-12) << name << ", n = " << n;
      }
    }
  }
}

TEST(total_variance_test, names_its_ddof) {
  // python3 -c "import numpy as np; x = [0.25, 1, 4, 9]; print(np.mean(x), np.var(x), np.var(x, ddof=1))"
  const auto all = observed(std::vector{0.25, 1.0, 4.0, 9.0});
  EXPECT_THAT(all.mean(), Optional(3.5625));
  EXPECT_THAT(all.variance(), Optional(11.82421875));
  EXPECT_THAT(all.variance(population), Optional(11.82421875));
  EXPECT_THAT(all.variance(sample), Optional(15.765625));
  EXPECT_THAT(all.variance({.ddof = 3}), Optional(47.296875));
  EXPECT_EQ(all.variance({.ddof = 4}), std::nullopt);
}

TEST(total_variance_test, is_undefined_rather_than_zero_without_observations) {
  total_variance all;
  EXPECT_EQ(all.variance(), std::nullopt);
  EXPECT_EQ(all.mean(), std::nullopt);
  all.observe(3.0);
  EXPECT_THAT(all.variance(), Optional(0.0));
  EXPECT_EQ(all.variance(sample), std::nullopt);
}

TEST(total_variance_test, a_constant_stream_gives_exactly_zero) {
  for (const double constant : {0.3, 0.1, 1e9 + 0.1, -7e-300, 0.0}) {
    total_variance all;
    for (int i = 0; i < 1000; ++i) {
      all.observe(constant);
      ASSERT_THAT(all.variance(), Optional(0.0)) << constant << " after " << i;
      ASSERT_THAT(all.mean(), Optional(constant));
    }
  }
}

TEST(total_variance_test, merging_equals_observing_everything) {
  for (const auto& [name, values] : test::streams(1000)) {
    const auto expected = test::two_pass_variance(values);
    for (const std::size_t cut : {0, 1, 63, 64, 65, 500, 1000}) {
      auto first = observed(std::span(values).first(cut));
      first.merge(observed(std::span(values).subspan(cut)));
      EXPECT_EQ(first.count(), values.size());
      EXPECT_LT(test::relative_error(first.variance().value(), expected), 1e-12) << name << ", cut " << cut;
    }
  }
}

TEST(total_variance_test, goes_on_after_a_merge) {
  const auto values = test::streams(300)[1].values;
  auto all = observed(std::span(values).first(100));
  all.merge(observed(std::span(values).subspan(100, 100)));
  for (std::size_t i = 200; i < 300; ++i)
    all.observe(values[i]);
  EXPECT_LT(test::relative_error(all.variance().value(), test::two_pass_variance(values)), 1e-12);
}

TEST(total_variance_test, merges_with_itself) {
  auto all = observed(std::vector{1.0, 2.0, 6.0});
  all.merge(all);
  EXPECT_EQ(all.count(), 6U);
  EXPECT_THAT(all.variance(), Optional(testing::DoubleEq(14.0 / 3.0)));
}

TEST(total_variance_test, a_non_finite_observation_stays) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    for (const int before : {0, 1, 63, 64, 100}) {
      total_variance all;
      for (int i = 0; i < before; ++i)
        all.observe(i);
      all.observe(bad);
      for (int i = 0; i < 200; ++i) {
        all.observe(i);
        ASSERT_EQ(all.variance(), std::nullopt) << bad << " at " << before;
      }
      all.reset();
      all.observe(1.0);
      all.observe(2.0);
      EXPECT_THAT(all.variance(), Optional(0.25));
    }
  }
}

TEST(total_variance_test, a_variance_out_of_range_is_undefined) {
  EXPECT_EQ(observed(std::vector{1e200, -1e200}).variance(), std::nullopt);
}

TEST(total_variance_test, reset_equals_fresh) {
  auto all = observed(test::white_noise(200));
  all.reset();
  EXPECT_EQ(save_state(all), save_state(total_variance{}));
}

TEST(total_variance_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::streams(400)[3].values;
  for (std::size_t cut = 0; cut < 200; ++cut) {
    auto all = observed(std::span(values).first(cut));
    total_variance loaded;
    load_state(loaded, save_state(all));
    for (std::size_t i = cut; i < values.size(); ++i) {
      all.observe(values[i]);
      loaded.observe(values[i]);
      ASSERT_EQ(all.variance(), loaded.variance()) << cut << ", " << i;
    }
    EXPECT_EQ(save_state(all), save_state(loaded));
  }
}

}  // namespace
}  // namespace dvar
