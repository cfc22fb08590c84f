#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/rolling_mean_error.hpp>

#include "../allocations.hpp"

namespace dvar {
namespace {

using testing::DoubleNear;
using testing::Optional;
using testing::ThrowsMessage;

/// Returns numbers about 100 that depend on the one before by `phi`, and fall by `drift` each.
std::vector<double> dependent(std::size_t count, double phi, double drift) {
  std::uint64_t s = 1;
  double x = 0.0;
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    s = s * 6364136223846793005U + 1442695040888963407U;
    x = phi * x + static_cast<double>(s >> 11U) / 0x1p53;
    values.push_back(100.0 + x - drift * static_cast<double>(i));
  }
  return values;
}

rolling_mean_error seen(const std::vector<double>& values) {
  rolling_mean_error window(values.size());
  // What left the window is of no importance.
  for (const double before : {7.0, std::nan(""), -1e9})
    window.observe(before);
  for (const double value : values)
    window.observe(value);
  return window;
}

struct expected_numbers {
  std::size_t count;
  double phi;
  double drift;
  double effective_sample_size;
  double standard_error;
  double split_r_hat;
  double mean;
};

// With ArviZ 0.23.4, `dependent` written in Python as above, and x = dependent(count, phi, drift)[None, :]; ArviZ takes \hat R of two chains
// or more, so the halves are given as two, which is what "split" does:
//   n = count // 2; halves = np.stack([x[0, :n], x[0, -n:]])
//   az.ess(x, method="mean"), az.mcse(x, method="mean"), az.rhat(halves, method="identity"), x.mean()
const std::vector<expected_numbers> by_arviz{
    {310, 0.0, 0.0, 330.7186508807942, 0.015611504378735047, 0.997207644905635, 100.49210027121077},
    {310, 0.9, 0.0, 24.092677070111435, 0.15805791563642582, 1.0101938241295298, 104.78590011273185},
    {101, -0.7, 0.0, 200.0, 0.027581559108068553, 0.9900913905144576, 100.28817264628383},
    {50, 0.5, 0.01, 2.9166279366355323, 0.21072534919283842, 1.2910867132910018, 100.73530705507386},
    {8, 0.3, 0.0, 7.224719895935548, 0.08400459466417562, 0.9028461714737308, 100.6764596446161},
    {1000, 0.99, 0.0, 2.3659432931410422, 6.769511586951588, 1.3346602950647801, 145.73939570965916},
};

TEST(rolling_mean_error_test, equals_arviz) {
  for (const expected_numbers& each : by_arviz) {
    const rolling_mean_error window = seen(dependent(each.count, each.phi, each.drift));
    const double least = 1e-10;
    EXPECT_THAT(window.effective_sample_size(),
                Optional(DoubleNear(each.effective_sample_size, least * each.effective_sample_size)));
    EXPECT_THAT(window.standard_error(),
                Optional(DoubleNear(each.standard_error, least * each.standard_error)));
    EXPECT_THAT(window.split_r_hat(), Optional(DoubleNear(each.split_r_hat, least)));
    EXPECT_THAT(window.mean(), Optional(DoubleNear(each.mean, least)));
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

TEST(rolling_mean_error_test, observes_without_allocating) {
  rolling_mean_error window(10);
  const auto before = test::allocations();
  window.observe(1.0);
  EXPECT_EQ(test::allocations(), before);
}

TEST(rolling_mean_error_test, refuses_a_window_without_lags) {
  EXPECT_THAT([] { rolling_mean_error{7}; },
              ThrowsMessage<std::invalid_argument>("rolling_mean_error: window must be at least 8, not 7"));
}

}  // namespace
}  // namespace dvar
