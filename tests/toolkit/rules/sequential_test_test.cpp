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

#include <dvar/rules/sequential_test.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../criteria/report_checks.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

constexpr auto minimize = direction::minimize;

double median_of_nine(std::span<const double> values, std::size_t end) {
  std::vector<double> nine(values.begin() + static_cast<std::ptrdiff_t>(end) - 9,
                           values.begin() + static_cast<std::ptrdiff_t>(end));
  std::sort(nine.begin(), nine.end());
  return nine[4];
}

/// Computes the p-value after all of the values, each test by itself, from what is written in the header.
std::optional<double> p_value_of(std::span<const double> values, const sequential_test_options& options) {
  std::optional<double> smallest;
  std::size_t begin = options.first;
  for (double e = 0.0; begin <= values.size(); ++e) {
    const auto lag = static_cast<std::size_t>(options.lag * static_cast<double>(begin));
    const std::size_t spacing = std::max<std::size_t>(1, lag / options.pairs);
    const double average =
        (median_of_nine(values, 9) - median_of_nine(values, begin)) / (static_cast<double>(begin) - 9.0);
    const double required = static_cast<double>(lag) * std::max(options.share * average, options.min_gain);
    double wealth = 1.0;
    double against = 0.0;
    double pairs = 0.0;
    // Where the block and the one after the lag are complete.
    for (std::size_t i = begin; i + spacing <= begin + lag && i + lag + spacing <= values.size();
         i += spacing) {
      double gained = 0.0;
      for (std::size_t j = i; j < i + spacing; ++j)
        gained += values[j] - values[j + lag];
      const double stake = std::max(0.0, 2.0 * (1.5 + against) / (2.0 + pairs) - 1.0);
      const bool is_against = gained / static_cast<double>(spacing) < required;
      wealth *= is_against ? 1.0 + stake : 1.0 - stake;
      against += is_against ? 1.0 : 0.0;
      pairs += 1.0;
      smallest = std::min(smallest.value_or(1.0), (e + 1.0) * (e + 2.0) / wealth);
    }
    begin += (begin + 3) / 4;
  }
  return smallest;
}

TEST(sequential_test_test, its_statistic_is_the_p_value_of_its_definition) {
  const sequential_test_options options{.share = 0.2, .min_gain = 1e-7, .first = 37, .lag = 0.4, .pairs = 11};
  for (const auto& [name, values] : test::streams(1500)) {
    sequential_test rule{minimize, options};
    for (std::size_t n = 1; n <= values.size(); ++n) {
      const verdict v = rule.observe(values[n - 1]);
      if (n % 13 != 0 && n > 100) continue;
      const auto expected = p_value_of(std::span(values).first(n), options);
      ASSERT_EQ(v.statistic, expected) << name << ", " << n;
      ASSERT_EQ(v.warming_up, !expected) << name << ", " << n;
      ASSERT_EQ(v.stop, expected && *expected <= 0.01) << name << ", " << n;
    }
  }
}

/// Returns how many of 1000 runs of a line and noise are stopped within 1200 observations.
template <class Noise>
int stopped_lines(const sequential_test_options& options, double slope, Noise noise) {
  std::mt19937_64 engine{20230209};
  sequential_test rule{minimize, options};
  int stopped = 0;
  for (int run = 0; run < 1000; ++run) {
    rule.reset();
    bool stop = false;
    for (int n = 0; n < 1200 && !stop; ++n)
      stop = rule.observe(0.5 - slope * n + noise(engine, n)).stop;
    stopped += stop ? 1 : 0;
  }
  return stopped;
}

TEST(sequential_test_test, stops_what_gains_just_enough_with_no_more_than_the_probability) {
  // The hardest case: just what is asked for, so that every pair is a fair coin.
  const sequential_test_options options{.probability = 0.2, .share = 0.0, .min_gain = 1e-5};
  std::normal_distribution<double> normal;
  std::student_t_distribution<double> heavy(1.0);
  std::exponential_distribution<double> skewed;
  // At most 200 are expected; 12.6 is the standard deviation of as many.
  const int by_normal =
      stopped_lines(options, 1e-5, [&](auto& engine, int) { return 1e-2 * normal(engine); });
  EXPECT_LE(by_normal, 240);
  EXPECT_GE(by_normal, 30);  // It is a test that does stop.
  EXPECT_LE(stopped_lines(options, 1e-5, [&](auto& engine, int) { return 1e-2 * heavy(engine); }), 240);
  EXPECT_LE(stopped_lines(options, 1e-5, [&](auto& engine, int) { return 1e-2 * skewed(engine); }), 240);
  EXPECT_LE(stopped_lines(options, 1e-5,
                          [&](auto& engine, int n) { return 1e-2 * normal(engine) / (1.0 + 0.01 * n); }),
            240);
}

TEST(sequential_test_test, goes_on_with_a_line_whatever_the_noise) {
  std::normal_distribution<double> normal;
  for (const double noise : {1e-6, 1e-4, 1e-2})
    EXPECT_LE(stopped_lines({}, 1e-4, [&](auto& engine, int) { return noise * normal(engine); }), 10 + 10)
        << noise;
}

TEST(sequential_test_test, stops_a_fall_after_it_has_flattened) {
  const std::size_t stop =
      test::stop_of(sequential_test{minimize}, test::falling_then_flat(3000, 0.01, 0.02));
  EXPECT_GT(stop, 230U);  // where 90 % of the fall is done
  EXPECT_LT(stop, 690U);
  EXPECT_GT(test::stop_of(sequential_test{minimize}, test::falling_then_flat(9000, 0.01, 0.2)), stop);
}

TEST(sequential_test_test, stops_flat_noise_only_when_a_gain_is_asked_for) {
  const auto flat = test::falling_then_flat(3000, 10.0, 0.1);
  EXPECT_EQ(test::stop_of(sequential_test{minimize}, flat), 0U);
  EXPECT_GT(test::stop_of(sequential_test{minimize, {.min_gain = 1e-6}}, flat), 0U);
}

TEST(sequential_test_test, a_stop_stays) {
  sequential_test rule{minimize};
  for (const double value : test::falling_then_flat(1500, 0.01, 0.02))
    rule.observe(value);
  ASSERT_TRUE(rule.latest().stop);
  for (int n = 0; n < 3000; ++n)
    ASSERT_TRUE(rule.observe(0.1 - 1e-3 * n).stop) << n;
}

TEST(sequential_test_test, maximizes_as_it_minimizes) {
  sequential_test up{direction::maximize};
  sequential_test down{minimize};
  for (const double value : test::falling_then_flat(1500, 0.01, 0.1)) {
    const verdict v = down.observe(value);
    ASSERT_EQ(up.observe(-value).statistic, v.statistic);
  }
}

TEST(sequential_test_test, leaves_pairs_out_that_are_not_finite) {
  const sequential_test_options options{.min_gain = 1.0, .first = 18, .lag = 0.5, .pairs = 9};
  sequential_test rule{minimize, options};
  for (int n = 0; n < 18; ++n)
    rule.observe(n == 3 ? std::nan("") : 0.0);
  // The first test: pairs of 18 and 27, 19 and 28, …
  for (int n = 18; n < 27; ++n)
    EXPECT_EQ(rule.observe(n == 19 ? std::nan("") : 0.0), verdict{.warming_up = true});
  EXPECT_DOUBLE_EQ(rule.observe(0.0).statistic.value(), 1.0);  // 2 / 1.5, at most 1
  EXPECT_DOUBLE_EQ(rule.observe(0.0).statistic.value(), 1.0);  // left out
  EXPECT_DOUBLE_EQ(rule.observe(-std::numeric_limits<double>::infinity()).statistic.value(), 1.0);
  EXPECT_DOUBLE_EQ(rule.observe(0.0).statistic.value(), 2.0 / (1.5 * (1.0 + 2.0 / 3.0)));
}

TEST(sequential_test_test, says_why) {
  sequential_test rule{minimize, {.min_gain = 1.0, .first = 20}};
  EXPECT_EQ(rule.reason(), "warming up: 0 of 31 observations");
  for (int n = 0; n < 34; ++n)
    rule.observe(0.0);
  // python3 -c "print(2 / (1.5 * (1 + 2 / 3) * 1.75 * 1.8))"
  EXPECT_EQ(rule.reason(), "it cannot be told that too little is gained: p-value 0.253968, above 0.01");
  for (int n = 0; n < 34; ++n)
    rule.observe(0.0);
  EXPECT_THAT(rule.reason(), testing::MatchesRegex("too little is gained: p-value .*, not above 0.01"));
}

TEST(sequential_test_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { sequential_test(minimize, {.probability = 0.0}); },
              ThrowsMessage<std::invalid_argument>(
                  "sequential_test: probability must be above 0 and below 1, not 0"));
  EXPECT_THAT([] { sequential_test(minimize, {.first = 17}); },
              ThrowsMessage<std::invalid_argument>("sequential_test: first must be at least 18, not 17"));
}

TEST(sequential_test_test, keeps_the_promises_of_a_criterion) {
  test::expect_a_sound_criterion(sequential_test{minimize, {.first = 20, .pairs = 5}},
                                 test::falling_then_flat(300, 0.05, 0.05));
  test::expect_a_sound_criterion(sequential_test{direction::maximize, {.first = 18, .lag = 1.0, .pairs = 3}},
                                 test::falling_then_flat(300, 0.05, 0.05));
}

TEST(sequential_test_test, refuses_a_state_of_other_options) {
  sequential_test rule{minimize};
  EXPECT_THAT([&] { load_state(rule, save_state(sequential_test{minimize, {.lag = 0.25}})); },
              ThrowsMessage<state_error>(
                  "saved state: sequential_test's lag is 0.25 in the saved state and 0.5 here"));
}

TEST(sequential_test_test, reports_its_p_value) {
  constexpr stop_bound bound{stop_bound::comparison::less_equal, 0.01};
  test::expect_report(sequential_test{minimize}, {{"p_value", std::nullopt, bound}});
  sequential_test rule{minimize, {.min_gain = 1.0, .first = 18}};
  for (int n = 0; n < 28; ++n)
    rule.observe(0.0);
  EXPECT_EQ(rule.p_value(), 1.0);
  test::expect_report(rule, {{"p_value", 1.0, bound}});
  test::expect_report_as_the_verdict(sequential_test{minimize}, test::falling_then_flat(1500, 0.01, 0.02));
}

TEST(sequential_test_test, its_fields_are_its_options) {
  test::expect_fields<sequential_test_options>({"probability", "share", "min_gain", "first", "lag", "pairs"});
}

}  // namespace
}  // namespace dvar
