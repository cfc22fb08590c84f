#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/bank/variance_ratio_bank.hpp>

#include "../allocations.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

constexpr double bank_infinity = std::numeric_limits<double>::infinity();

/// Series of every kind, each repeated until there are `series`, from another observation on.
std::vector<std::vector<double>> many_series(std::size_t series, std::size_t length) {
  const auto kinds = test::streams(length);
  std::vector<std::vector<double>> all;
  for (std::size_t s = 0; s < series; ++s) {
    auto values = kinds[s % kinds.size()].values;
    std::rotate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(7 * s % length), values.end());
    all.push_back(std::move(values));
  }
  return all;
}

template <class T>
void compare(const std::vector<std::vector<double>>& series, const variance_ratio_options& options) {
  variance_ratio_bank<T> bank(series.size(), options);
  std::vector<variance_ratio> rules(series.size(), variance_ratio{options});
  std::vector<std::optional<std::uint64_t>> first_stops(series.size());
  std::vector<T> row(series.size());
  // Shown the same in batches of every length.
  variance_ratio_bank<T> at_once(series.size(), options);
  std::vector<T> batch;
  std::size_t batch_length = 1;
  for (std::size_t n = 0; n < series.front().size(); ++n) {
    for (std::size_t s = 0; s < series.size(); ++s)
      row[s] = static_cast<T>(series[s][n]);
    batch.insert(batch.end(), row.begin(), row.end());
    const std::size_t stops = bank.observe(row);
    std::size_t expected_stops = 0;
    for (std::size_t s = 0; s < series.size(); ++s) {
      const verdict expected = rules[s].observe(static_cast<double>(row[s]));
      const verdict found = bank.latest(s);
      expected_stops += expected.stop ? 1 : 0;
      if (expected.stop && !first_stops[s]) first_stops[s] = n + 1;
      ASSERT_EQ(bank.first_stop(s), first_stops[s]);
      ASSERT_EQ(found.stop, expected.stop) << "series " << s << ", observation " << n + 1;
      ASSERT_EQ(found.warming_up, expected.warming_up);
      ASSERT_EQ(found.rule, expected.rule);
      ASSERT_EQ(found.statistic, expected.statistic) << "series " << s << ", observation " << n + 1;
      ASSERT_EQ(std::isfinite(bank.ratios()(s)), expected.statistic.has_value());
      ASSERT_EQ(bank.window_variance(s), rules[s].window_variance()) << s << ", " << n + 1;
      ASSERT_EQ(bank.total_variance(s), rules[s].total_variance()) << s << ", " << n + 1;
    }
    ASSERT_EQ(stops, expected_stops);
    ASSERT_EQ(bank.count(), rules.front().count());
    if (batch.size() == batch_length * series.size()) {
      ASSERT_EQ(at_once.observe(batch), stops);
      ASSERT_EQ(save_state(at_once), save_state(bank))
          << "observation " << n + 1 << ", batch of " << batch_length;
      batch.clear();
      batch_length = batch_length % 61 + 1;
    }
  }
}

TEST(variance_ratio_bank_test, each_series_gets_the_single_rules_bits) {
  for (const std::size_t window : {2, 3, 4, 5, 16, 17, 97, 310})
    compare<double>(many_series(23, 1200), {.window = window, .threshold = 0.31});
}

TEST(variance_ratio_bank_test, so_does_each_series_of_several_blocks) {
  for (const std::size_t series : {1, 255, 256, 257, 600})
    compare<double>(many_series(series, 130), {.window = 24, .threshold = 0.31});
}

TEST(variance_ratio_bank_test, stores_floats_without_loss) {
  compare<float>(many_series(23, 900), {.window = 50, .threshold = 0.31});
}

TEST(variance_ratio_bank_test, equal_and_non_finite_values_are_as_in_the_single_rule) {
  std::vector<std::vector<double>> series;
  for (const double constant : {0.0, 0.3, 1e9 + 0.1, 1e300})
    series.emplace_back(200, constant);
  for (const double bad : {std::nan(""), bank_infinity, -bank_infinity, 1e200, -1e308}) {
    for (const std::size_t where : {0, 1, 11, 12, 30, 150}) {
      series.push_back(test::white_noise(200));
      series.back()[where] = bad;
    }
  }
  for (const double tiny : {1e-160, 1e-310}) {
    series.emplace_back();
    for (const double value : test::white_noise(200))
      series.back().push_back(tiny * value);
  }
  compare<double>(series, {.window = 12, .threshold = 0.9});
}

TEST(variance_ratio_bank_test, one_bad_series_leaves_the_others_alone) {
  variance_ratio_bank bank(3, {.window = 4, .threshold = 0.15});
  variance_ratio alone{{.window = 4, .threshold = 0.15}};
  for (int n = 0; n < 40; ++n) {
    const double value = std::exp(-n);
    bank.observe(std::vector{value, std::nan(""), value});
    alone.observe(value);
  }
  EXPECT_EQ(bank.latest(0).statistic, alone.latest().statistic);
  EXPECT_EQ(bank.latest(2), bank.latest(0));
  EXPECT_EQ(bank.latest(1), verdict{});
}

TEST(variance_ratio_bank_test, warms_up_for_a_window_and_begins_at_exactly_one) {
  variance_ratio_bank bank(2, {.window = 3, .threshold = 1.0});
  EXPECT_EQ(bank.latest(1), verdict{.warming_up = true});
  EXPECT_EQ(bank.total_variance(1), std::nullopt);
  EXPECT_EQ(bank.observe(std::vector{1.0, 5.0}), 0U);
  EXPECT_EQ(bank.observe(std::vector{2.0, 5.0}), 0U);
  EXPECT_EQ(bank.latest(0), verdict{.warming_up = true});
  EXPECT_EQ(bank.window_variance(0), std::nullopt);
  EXPECT_EQ(bank.observe(std::vector{4.0, 5.0}), 0U);
  EXPECT_EQ(bank.latest(0), verdict{.statistic = 1.0});
  EXPECT_EQ(bank.latest(1), verdict{});
}

TEST(variance_ratio_bank_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { variance_ratio_bank bank(0); },
              ThrowsMessage<std::invalid_argument>(
                  "variance_ratio_bank: the number of series must be at least 1, not 0"));
  EXPECT_THAT([] { variance_ratio_bank bank(4, {.non_finite = non_finite_policy::skip}); },
              ThrowsMessage<std::invalid_argument>(
                  "variance_ratio_bank: the policy for non-finite values must be keep, not skip"));
  EXPECT_THAT([] { variance_ratio_bank bank(4, {.window = 1}); },
              ThrowsMessage<std::invalid_argument>("variance_ratio_bank: window must be at least 2, not 1"));
  EXPECT_THAT([] { variance_ratio_bank bank(4, {.threshold = 1.5}); },
              ThrowsMessage<std::invalid_argument>(
                  "variance_ratio_bank: threshold must be above 0 and at most 1, not 1.5"));
}

TEST(variance_ratio_bank_test, reset_equals_fresh) {
  for (const std::size_t seen : {1, 11, 12, 13, 100}) {
    variance_ratio_bank bank(300, {.window = 12, .threshold = 0.15});
    const auto noise = test::white_noise(300 + seen);
    for (std::size_t n = 0; n < seen; ++n)
      bank.observe(std::span(noise).subspan(n, 300));
    bank.reset();
    EXPECT_EQ(save_state(bank), save_state(variance_ratio_bank(300, {.window = 12, .threshold = 0.15})));
    EXPECT_TRUE(bank.latest(299).warming_up);
  }
}

TEST(variance_ratio_bank_test, a_loaded_state_continues_bit_for_bit) {
  const auto noise = test::white_noise(400);
  const variance_ratio_options options{.window = 40, .threshold = 0.15};
  const auto show = [&](variance_ratio_bank<double>& bank, std::size_t n) {
    return bank.observe(std::span(noise).subspan(n, 261));
  };
  for (std::size_t cut = 0; cut < 130; cut += 3) {
    variance_ratio_bank bank(261, options);
    for (std::size_t n = 0; n < cut; ++n)
      show(bank, n);
    variance_ratio_bank loaded(261, options);
    load_state(loaded, save_state(bank));
    for (std::size_t n = cut; n < 135; ++n)
      ASSERT_EQ(show(loaded, n), show(bank, n));
    ASSERT_EQ(save_state(loaded), save_state(bank)) << "cut " << cut;
  }
}

TEST(variance_ratio_bank_test, refuses_a_state_of_other_options_and_stays_as_it_was) {
  const variance_ratio_options options{.window = 40, .threshold = 0.15};
  variance_ratio_bank bank(2, options);
  bank.observe(std::vector{1.0, 2.0});
  const auto before = save_state(bank);
  EXPECT_THAT([&] { load_state(bank, save_state(variance_ratio_bank(3, options))); },
              ThrowsMessage<state_error>(
                  "saved state: variance_ratio_bank's number of series is 3 in the saved state and 2 here"));
  EXPECT_THAT(
      [&] { load_state(bank, save_state(variance_ratio_bank<float>(2, options))); },
      ThrowsMessage<state_error>(
          "saved state: the size of variance_ratio_bank's value type is 4 in the saved state and 8 here"));
  EXPECT_THAT(
      [&] { load_state(bank, save_state(variance_ratio_bank(2, {.window = 41, .threshold = 0.15}))); },
      ThrowsMessage<state_error>(
          "saved state: variance_ratio_bank's window is 41 in the saved state and 40 here"));
  EXPECT_THAT(
      [&] { load_state(bank, save_state(variance_ratio_bank(2, {.window = 40, .threshold = 0.25}))); },
      ThrowsMessage<state_error>(
          "saved state: variance_ratio_bank's threshold is 0.25 in the saved state and 0.15 here"));
  EXPECT_EQ(save_state(bank), before);
}

TEST(variance_ratio_bank_test, several_steps_at_once_are_as_one_after_the_other) {
  const std::size_t series = 300;
  const auto values = many_series(series, 400);
  std::vector<float> steps;
  for (std::size_t n = 0; n < 400; ++n)
    for (std::size_t s = 0; s < series; ++s)
      steps.push_back(static_cast<float>(values[s][n]));
  const variance_ratio_options options{.window = 40, .threshold = 0.31};
  variance_ratio_bank<float> one_by_one(series, options);
  variance_ratio_bank<float> at_once(series, options);
  std::mt19937_64 engine{3};
  std::size_t begin = 0;
  while (begin < 400) {
    const std::size_t length = std::min<std::size_t>(1 + engine() % 90, 400 - begin);
    std::size_t stops = 0;
    for (std::size_t n = begin; n < begin + length; ++n)
      stops = one_by_one.observe(std::span(steps).subspan(n * series, series));
    ASSERT_EQ(at_once.observe(std::span(steps).subspan(begin * series, length * series)), stops);
    ASSERT_EQ(save_state(at_once), save_state(one_by_one)) << begin << ", " << length;
    begin += length;
  }
}

TEST(variance_ratio_bank_test, refuses_a_position_outside_the_window) {
  state_writer out;
  out.section("variance_ratio_bank", 4);
  out(sizeof(double), std::size_t{1}, std::size_t{4}, 0.15,
      non_finite_policy::keep);                           // series, then the options
  out(std::uint64_t{9}, std::size_t{4}, std::size_t{1});  // observations, position, segment
  variance_ratio_bank bank(1, {.window = 4, .threshold = 0.15});
  EXPECT_THAT(
      [&] { load_state(bank, out.bytes()); },
      ThrowsMessage<state_error>("saved state: variance_ratio_bank's position is outside its window"));
}

TEST(variance_ratio_bank_test, observes_and_resets_without_allocating) {
  variance_ratio_bank bank(300);
  const auto noise = test::white_noise(1300);
  std::size_t stops = 0;
  const auto before = test::allocations();
  for (std::size_t n = 0; n < 1000; ++n)
    stops += bank.observe(std::span(noise).subspan(n, 300));
  bank.reset();
  EXPECT_EQ(test::allocations(), before);
  EXPECT_EQ(stops, 0U);
}

}  // namespace
}  // namespace dvar
