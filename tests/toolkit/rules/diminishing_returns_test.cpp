#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/diminishing_returns.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../criteria/report_checks.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

constexpr auto minimize = direction::minimize;

/// Computes the ratio by its definition, from all medians at each look.
class by_definition {
 public:
  by_definition(std::size_t half_window, double part) : half_window_(half_window), part_(part) {}

  /// Shows a median; returns the ratio where there is a look.
  std::optional<long double> observe(double median) {
    medians_.push_back(median);
    const std::size_t k = medians_.size();
    if (k == 2 * 64 * stride_ + stride_) stride_ *= 2;
    if (k % stride_ != 0) return latest_;
    const auto cells = static_cast<double>(k / stride_);
    const auto half_cells = std::max((half_window_ + stride_ - 1) / stride_,
                                     static_cast<std::size_t>(std::ceil(0.5 * part_ * cells)));
    const std::size_t h = half_cells * stride_;
    if (2 * h > k) return latest_;
    const long double former = mean(k - 2 * h, k - h);
    const long double recent = mean(k - h, k);
    worst_ = std::max({worst_, former, recent});
    best_ = std::min({best_, former, recent});
    const auto n = static_cast<long double>(h);
    latest_ = ((former - recent) / n) / ((worst_ - best_) / (static_cast<long double>(k) - (n + 1) / 2));
    return latest_;
  }

 private:
  [[nodiscard]] long double mean(std::size_t from, std::size_t to) const {
    long double sum = 0;
    for (std::size_t i = from; i < to; ++i)
      sum += static_cast<long double>(medians_[i]) - medians_.front();
    return sum / static_cast<long double>(to - from);
  }

  std::size_t half_window_;
  double part_;
  std::size_t stride_ = 1;
  std::vector<double> medians_;
  long double worst_ = 0;
  long double best_ = 0;
  std::optional<long double> latest_;
};

TEST(diminishing_returns_test, its_statistic_is_the_pace_over_the_average_pace) {
  for (const auto& [name, values] : test::streams(2000)) {
    diminishing_returns rule{minimize, {.window = 40, .part = 0.3, .block = 5}};
    by_definition expected{4, 0.3};
    std::optional<long double> ratio;
    for (std::size_t n = 1; n <= values.size(); ++n) {
      const verdict v = rule.observe(values[n - 1]);
      if (n % 5 == 0) {
        std::vector<double> block(values.begin() + static_cast<std::ptrdiff_t>(n) - 5,
                                  values.begin() + static_cast<std::ptrdiff_t>(n));
        std::sort(block.begin(), block.end());
        ratio = expected.observe(block[2]);
      }
      ASSERT_EQ(v.warming_up, n < 40) << name << ", " << n;
      ASSERT_EQ(v.statistic.has_value(), ratio.has_value()) << name << ", " << n;
      if (!ratio) continue;
      // As far as the differences of the two means are well conditioned.
      ASSERT_NEAR(*v.statistic, static_cast<double>(*ratio), 1e-9) << name << ", " << n;
      ASSERT_EQ(v.stop, *v.statistic <= 0.1) << name << ", " << n;
    }
  }
}

TEST(diminishing_returns_test, a_line_has_ratio_1_at_every_length) {
  diminishing_returns rule{minimize, {.window = 60, .block = 10}};
  for (int n = 1; n <= 20000; ++n) {
    const verdict v = rule.observe(3.0 - 1e-4 * n);
    ASSERT_FALSE(v.stop) << n;
    if (n >= 60) ASSERT_NEAR(v.statistic.value(), 1.0, 1e-9) << n;
  }
}

TEST(diminishing_returns_test, stops_an_exponential_where_the_elasticity_of_the_gain_is_the_share) {
  std::vector<double> values;
  for (int n = 1; n <= 120; ++n)
    values.push_back(0.2 + 0.8 * std::exp(-n / 20.0));
  const auto stop = [&](double share) {
    return test::stop_of(
        diminishing_returns{minimize, {.share = share, .window = 2, .part = 0.0, .block = 1}}, values);
  };
  // python3 -c "from math import *; m = lambda n: exp(-n / 20)
  // print([next(k for k in range(2, 120) if (m(k-1) - m(k)) * (k-1) / (m(1) - m(k)) <= s) for s in (.1, .25)])"
  EXPECT_EQ(stop(0.1), 74U);
  EXPECT_EQ(stop(0.25), 49U);
  // Where x / (e^x - 1) is the share, and e^-x of the fall is left, 3 % and 10 %:
  // python3 -c "from scipy.optimize import brentq; from math import *
  // print([brentq(lambda x: x / expm1(x) - s, 0.1, 9) for s in (.1, .25)])"
  EXPECT_NEAR(74.0 / 20.0, 3.615, 0.1);
  EXPECT_NEAR(49.0 / 20.0, 2.337, 0.12);
}

TEST(diminishing_returns_test, stops_flat_noise_soon) {
  std::mt19937_64 engine{20230209};
  std::normal_distribution<double> normal;
  for (int run = 0; run < 100; ++run) {
    std::vector<double> values;
    for (int n = 0; n < 3600; ++n)
      values.push_back(0.2 + 1e-3 * normal(engine));
    const std::size_t stop = test::stop_of(diminishing_returns{minimize}, values);
    ASSERT_GE(stop, 360U);
    ASSERT_LE(stop, 3600U);
  }
}

TEST(diminishing_returns_test, stops_equal_observations_and_what_rises_at_its_first_look) {
  EXPECT_EQ(test::stop_of(diminishing_returns{minimize}, std::vector(500, 0.25)), 360U);
  std::vector<double> rising;
  for (int n = 0; n < 500; ++n)
    rising.push_back(n);
  EXPECT_EQ(test::stop_of(diminishing_returns{minimize}, rising), 360U);
  EXPECT_EQ(test::stop_of(diminishing_returns{direction::maximize}, rising), 0U);
}

TEST(diminishing_returns_test, does_not_see_a_spike_that_moves_the_variance_ratio) {
  std::vector<double> values = test::falling_then_flat(3000, 0.006, 0.01);
  const std::size_t without = test::stop_of(diminishing_returns{minimize}, values);
  const std::size_t ratio_without = test::stop_of(variance_ratio{}, values);
  for (std::size_t i = 40; i < 50; ++i)
    values[i] += 5e-3;
  EXPECT_EQ(test::stop_of(diminishing_returns{minimize}, values), without);
  EXPECT_GT(without, 0U);
  EXPECT_LT(test::stop_of(variance_ratio{}, values) + 50, ratio_without);
}

TEST(diminishing_returns_test, maximizes_as_it_minimizes) {
  diminishing_returns up{direction::maximize, {.window = 20, .block = 4}};
  diminishing_returns down{minimize, {.window = 20, .block = 4}};
  for (const double value : test::falling_then_flat(1500, 0.01, 0.1)) {
    const verdict v = down.observe(value);
    ASSERT_EQ(up.observe(-value).statistic, v.statistic);
  }
}

TEST(diminishing_returns_test, leaves_out_what_is_not_finite) {
  const auto values = test::falling_then_flat(400, 0.02, 0.1);
  diminishing_returns plain{minimize, {.window = 40, .block = 4}};
  diminishing_returns interrupted = plain;
  for (std::size_t i = 0; i < values.size(); ++i) {
    plain.observe(values[i]);
    interrupted.observe(values[i]);
    if (i % 7 == 3) interrupted.observe(i % 2 == 0 ? std::nan("") : std::numeric_limits<double>::infinity());
  }
  EXPECT_EQ(save_state(interrupted), save_state(plain));
}

TEST(diminishing_returns_test, has_no_statistic_beyond_the_range_of_numbers) {
  diminishing_returns rule{minimize, {.window = 2, .block = 1}};
  rule.observe(1.7e308);
  EXPECT_EQ(rule.observe(-1.7e308), verdict{});
  EXPECT_EQ(rule.reason(), "the pace of the last 2 observations is undefined: beyond the range of numbers");
  EXPECT_EQ(rule.gained(), std::nullopt);
}

TEST(diminishing_returns_test, says_why) {
  diminishing_returns rule{minimize, {.share = 0.5, .window = 5, .part = 0.0, .block = 2}};
  rule.observe(9.0);
  EXPECT_EQ(rule.reason(), "warming up: 1 of 4 observations");
  for (const double value : {7.0, 6.0, 4.0})
    rule.observe(value);
  // The medians are 8 and 5.
  EXPECT_EQ(rule.gained(), 3.0);
  EXPECT_EQ(rule.reason(), "the last 4 observations gain at 1 of the average pace, above 0.5");
  rule.observe(5.0);
  rule.observe(4.0);
  EXPECT_EQ(rule.latest(), (verdict{.stop = true, .rule = "diminishing_returns", .statistic = 0.5 / 1.75}));
  EXPECT_EQ(rule.reason(), "the last 4 observations gain at 0.285714 of the average pace, not above 0.5");
}

TEST(diminishing_returns_test, refuses_options_out_of_range) {
  EXPECT_THAT(
      [] { diminishing_returns(minimize, {.share = 1.0}); },
      ThrowsMessage<std::invalid_argument>("diminishing_returns: share must be from 0 to below 1, not 1"));
  EXPECT_THAT([] { diminishing_returns(minimize, {.window = 59}); },
              ThrowsMessage<std::invalid_argument>(
                  "diminishing_returns: window must be at least two blocks of 30, not 59"));
  EXPECT_THAT([] { diminishing_returns(minimize, {.block = 0}); },
              ThrowsMessage<std::invalid_argument>("diminishing_returns: block must be at least 1, not 0"));
}

TEST(diminishing_returns_test, keeps_the_promises_of_a_criterion) {
  // Long enough for its memory to be made coarser twice.
  test::expect_a_sound_criterion(diminishing_returns{minimize, {.window = 12, .block = 1}},
                                 test::falling_then_flat(300, 0.03, 0.05));
  test::expect_a_sound_criterion(diminishing_returns{direction::maximize, {.window = 40, .block = 7}},
                                 test::falling_then_flat(300, 0.03, 0.05));
}

TEST(diminishing_returns_test, refuses_a_state_of_other_options) {
  diminishing_returns rule{minimize, {.window = 90}};
  EXPECT_THAT([&] { load_state(rule, save_state(diminishing_returns{minimize, {.window = 91}})); },
              ThrowsMessage<state_error>(
                  "saved state: diminishing_returns's window is 91 in the saved state and 90 here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(diminishing_returns{direction::maximize, {.window = 90}})); },
      ThrowsMessage<state_error>(
          "saved state: diminishing_returns' direction is maximize in the saved state and minimize here"));
}

TEST(diminishing_returns_test, reports_its_ratio) {
  diminishing_returns rule{minimize, {.share = 0.25, .window = 2, .block = 1}};
  constexpr stop_bound bound{stop_bound::comparison::less_equal, 0.25};
  test::expect_report(rule, {{"pace_ratio", std::nullopt, bound}});
  rule.observe(2.0);
  rule.observe(1.0);
  EXPECT_EQ(rule.ratio(), 1.0);
  test::expect_report(rule, {{"pace_ratio", 1.0, bound}});
  test::expect_report_as_the_verdict(diminishing_returns{minimize, {.window = 40, .block = 4}},
                                     test::falling_then_flat(300, 0.03, 0.05));
}

TEST(diminishing_returns_test, its_fields_are_its_options) {
  test::expect_fields<diminishing_returns_options>({"share", "window", "part", "block"});
}

}  // namespace
}  // namespace dvar
