#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/exponential_average.hpp>

#include "../allocations.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

TEST(exponential_average_test, agrees_with_pandas) {
  // python3 -c "import pandas as pd
  // for a in True, False:
  //   print(pd.Series([3., 1, 4, 1, 5, 9, 2, 6]).ewm(alpha=.1, adjust=a).mean().tolist())"   (pandas 3.1.1)
  const double values[] = {3, 1, 4, 1, 5, 9, 2, 6};
  const double corrected[] = {3.0,
                              1.9473684210526319,
                              2.7047970479704797,
                              2.209072404768828,
                              2.8906009621254665,
                              4.194470706997411,
                              3.773834773073037,
                              4.164710463817193};
  const double plain[] = {3.0,
                          2.8000000000000003,
                          2.9200000000000004,
                          2.7280000000000006,
                          2.9552000000000005,
                          3.5596800000000006,
                          3.403712000000001,
                          3.663340800000001};
  exponential_average with{{.weight = 0.1, .bias_correction = true}};
  exponential_average without{{.weight = 0.1, .bias_correction = false}};
  for (std::size_t i = 0; i < 8; ++i) {
    with.observe(values[i]);
    without.observe(values[i]);
    EXPECT_THAT(with.mean(), testing::Optional(testing::DoubleNear(corrected[i], 4e-15))) << i;
    EXPECT_THAT(without.mean(), testing::Optional(testing::DoubleNear(plain[i], 4e-15))) << i;
  }
  EXPECT_EQ(with.count(), 8U);
}

TEST(exponential_average_test, agrees_with_the_weighted_sum_in_long_double) {
  for (const auto& [name, values] : test::streams(1500)) {
    for (const double weight : {1e-3, 0.1, 0.9, 1.0}) {
      exponential_average average{{.weight = weight, .bias_correction = true}};
      long double sum = 0;
      long double weights = 0;
      long double magnitude = 0;
      for (const double value : values) {
        average.observe(value);
        const long double keep = 1.0L - weight;
        sum = keep * sum + weight * static_cast<long double>(value);
        weights = keep * weights + weight;
        magnitude = keep * magnitude + weight * std::abs(static_cast<long double>(value));
        ASSERT_LT(std::abs(*average.mean() - sum / weights), 1e-12L * (magnitude / weights))
            << name << ", weight " << weight;
      }
    }
  }
}

TEST(exponential_average_test, equal_values_give_exactly_their_value) {
  for (const bool bias_correction : {true, false}) {
    exponential_average average{{.weight = 0.3, .bias_correction = bias_correction}};
    for (int i = 0; i < 500; ++i) {
      average.observe(1e9 + 0.1);
      ASSERT_EQ(average.mean(), 1e9 + 0.1);
    }
  }
}

TEST(exponential_average_test, has_no_value_before_the_first_and_after_a_bad_one) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    exponential_average average;
    EXPECT_EQ(average.mean(), std::nullopt);
    average.observe(1.0);
    EXPECT_EQ(average.mean(), 1.0);
    average.observe(bad);
    for (int i = 0; i < 500; ++i) {
      ASSERT_EQ(average.mean(), std::nullopt);
      average.observe(1.0);
    }
    average.reset();
    EXPECT_EQ(save_state(average), save_state(exponential_average{}));
  }
}

TEST(exponential_average_test, with_a_weight_of_one_is_the_latest_observation) {
  for (const bool bias_correction : {true, false}) {
    exponential_average average{{.weight = 1.0, .bias_correction = bias_correction}};
    for (const double value : {1e12, 1e-6, 3.0}) {
      average.observe(value);
      EXPECT_EQ(average.mean(), value);
    }
  }
}

TEST(exponential_average_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::streams(200)[3].values;
  for (std::size_t cut = 0; cut < 100; ++cut) {
    exponential_average average;
    for (std::size_t i = 0; i < cut; ++i)
      average.observe(values[i]);
    exponential_average loaded;
    load_state(loaded, save_state(average));
    for (std::size_t i = cut; i < values.size(); ++i) {
      average.observe(values[i]);
      loaded.observe(values[i]);
      ASSERT_EQ(average.mean(), loaded.mean()) << cut << ", " << i;
    }
    EXPECT_EQ(save_state(average), save_state(loaded));
  }
}

TEST(exponential_average_test, refuses_a_state_of_other_options) {
  exponential_average average{{.weight = 0.1, .bias_correction = true}};
  EXPECT_THAT([&] { load_state(average, save_state(exponential_average{{.weight = 0.2}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: exponential_average's weight is 0.2 in the saved state and 0.1 here"));
  EXPECT_THAT(
      [&] {
        load_state(average, save_state(exponential_average{{.weight = 0.1, .bias_correction = false}}));
      },
      testing::ThrowsMessage<state_error>(
          "saved state: exponential_average's bias_correction is false in the saved state and true here"));
}

TEST(exponential_average_test, never_allocates) {
  const auto values = test::white_noise(1000);
  const auto before = test::allocations();
  exponential_average average;
  for (const double value : values)
    average.observe(value);
  EXPECT_EQ(test::allocations(), before);
  EXPECT_NE(average.mean(), 0.0);
}

TEST(exponential_average_test, refuses_weights_out_of_range) {
  EXPECT_THAT([] { exponential_average none({.weight = 0.0}); },
              testing::ThrowsMessage<std::invalid_argument>(
                  "exponential_average: weight must be above 0 and at most 1, not 0"));
  EXPECT_THAT([] { exponential_average more({.weight = 1.5}); },
              testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("1.5")));
}

TEST(exponential_average_test, options_name_every_member_once) {
  const auto [weight, bias_correction] = exponential_average_options{};
  std::vector<std::string_view> names;
  for_each_field<exponential_average_options>([&](const auto& each) { names.push_back(each.name); });
  EXPECT_THAT(names, testing::ElementsAre("weight", "bias_correction"));
  const auto fields = exponential_average_options::fields();
  EXPECT_EQ(exponential_average_options{}.*std::get<0>(fields).member, weight);
  EXPECT_EQ(exponential_average_options{}.*std::get<1>(fields).member, bias_correction);
}

}  // namespace
}  // namespace dvar
