#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/rolling_mean_error.hpp>

#include "../allocations.hpp"
#include "../dependent.hpp"

namespace dvar {
namespace {

using testing::DoubleNear;
using testing::Optional;
using testing::ThrowsMessage;

using test::dependent;

rolling_mean_error seen(const std::vector<double>& values) {
  rolling_mean_error window(values.size());
  // What left the window is of no importance.
  for (const double before : {7.0, std::nan(""), -1e9})
    window.observe(before);
  for (const double value : values)
    window.observe(value);
  return window;
}

TEST(rolling_mean_error_test, is_the_mean_error_of_its_window) {
  const std::vector<double> values = dependent(500, 0.6, 1e-3);
  rolling_mean_error window(31);
  mean_error_estimator room(40);
  for (std::size_t i = 0; i < values.size(); ++i) {
    window.observe(values[i]);
    if (i + 1 < 31) {
      EXPECT_EQ(window.estimate(), mean_error{});
      continue;
    }
    const mean_error expected = mean_error_of(std::span(values).subspan(i - 30, 31));
    EXPECT_EQ(window.estimate(room), expected);
    EXPECT_EQ(window.estimate(), expected);
    EXPECT_EQ(window.oldest(), values[i - 30]);
    const mean_error one_by_one{.mean = window.mean(),
                                .effective_sample_size = window.effective_sample_size(),
                                .standard_error = window.standard_error(),
                                .split_r_hat = window.split_r_hat()};
    EXPECT_EQ(one_by_one, expected);
  }
}

TEST(rolling_mean_error_test, means_of_windows_scatter_as_it_says) {
  const std::vector<double> stream = dependent(310 * 200, 0.8, 0.0);
  rolling_mean_error window(310);
  double squares = 0.0;
  double said = 0.0;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    window.observe(stream[i]);
    if ((i + 1) % 310 != 0) continue;
    squares += std::pow(window.mean().value() - 102.5, 2.0) / 200.0;
    said += std::pow(window.standard_error().value(), 2.0) / 200.0;
    EXPECT_LT(window.effective_sample_size().value(), 310.0);
  }
  EXPECT_NEAR(std::sqrt(said / squares), 1.0, 0.15) << "its own error with 200 windows is about a twentieth";
}

TEST(rolling_mean_error_test, equal_observations_are_sure) {
  const rolling_mean_error window = seen(std::vector<double>(20, 0.1));
  EXPECT_EQ(window.mean(), 0.1);
  EXPECT_EQ(window.effective_sample_size(), 20.0);
  EXPECT_EQ(window.standard_error(), 0.0);
  EXPECT_EQ(window.split_r_hat(), std::nullopt);
}

TEST(rolling_mean_error_test, is_undefined_before_the_window_is_full_and_while_a_value_is_none) {
  rolling_mean_error window(8);
  const auto undefined = [&] {
    return !window.mean() && !window.effective_sample_size() && !window.standard_error() &&
           !window.split_r_hat();
  };
  for (int i = 0; i < 7; ++i) {
    window.observe(i * i);
    EXPECT_TRUE(undefined());
  }
  window.observe(3.0);
  EXPECT_FALSE(undefined());
  window.observe(std::numeric_limits<double>::infinity());
  for (int i = 0; i < 7; ++i) {
    EXPECT_TRUE(undefined());
    window.observe(i * i);
  }
  window.observe(-1.0);
  EXPECT_FALSE(undefined());
}

TEST(rolling_mean_error_test, keeps_its_state_and_forgets_it) {
  rolling_mean_error window(10);
  for (int i = 0; i < 13; ++i)
    window.observe(i % 4);
  rolling_mean_error loaded(10);
  load_state(loaded, save_state(window));
  window.observe(7.0);
  loaded.observe(7.0);
  EXPECT_EQ(loaded.standard_error(), window.standard_error());
  EXPECT_EQ(save_state(loaded), save_state(window));
  window.reset();
  EXPECT_EQ(save_state(window), save_state(rolling_mean_error{10}));
  EXPECT_THAT(
      [&] { load_state(window, save_state(rolling_mean_error{11})); },
      ThrowsMessage<state_error>("saved state: the number of values is 11 in the saved state and 10 here"));
}

TEST(rolling_mean_error_test, observes_and_estimates_without_allocating) {
  rolling_mean_error window(10);
  mean_error_estimator room(10);
  const auto before = test::allocations();
  for (int i = 0; i < 12; ++i)
    window.observe(1.0);
  EXPECT_EQ(window.estimate(room).mean, 1.0);
  EXPECT_EQ(test::allocations(), before);
}

TEST(rolling_mean_error_test, refuses_a_window_without_lags) {
  EXPECT_THAT([] { rolling_mean_error{7}; },
              ThrowsMessage<std::invalid_argument>("rolling_mean_error: window must be at least 8, not 7"));
}

}  // namespace
}  // namespace dvar
