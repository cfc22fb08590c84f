#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/variance_ratio.hpp>

#include "../allocations.hpp"
#include "../criteria/criterion_checks.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// The published rule: the whole history, and both variances anew at every observation.
std::size_t published_stop(std::span<const double> losses, const variance_ratio_options& options) {
  for (std::size_t n = options.window; n <= losses.size(); ++n) {
    const auto recent = test::two_pass_variance(losses.subspan(n - options.window, options.window));
    if (recent / test::two_pass_variance(losses.first(n)) < options.threshold) return n;
  }
  return 0;
}

TEST(variance_ratio_test, stops_where_the_published_rule_stops) {
  std::mt19937_64 engine{1};
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> unit;
  std::size_t stops = 0;
  for (int run = 0; run < 300; ++run) {
    const std::size_t window = 2 + engine() % 60;
    const variance_ratio_options options{.window = window, .threshold = 0.05 + 0.9 * unit(engine)};
    const double noise = std::pow(10.0, -3.0 * unit(engine));
    const double pace = std::pow(10.0, -3.0 * unit(engine));
    std::vector<double> losses;
    for (int i = 0; i < 400; ++i)
      losses.push_back(0.18 + 1e-3 * (std::exp(-pace * i) + noise * normal(engine)));
    const auto expected = published_stop(losses, options);
    stops += expected > 0 ? 1 : 0;
    EXPECT_EQ(test::stop_of(variance_ratio{options}, losses), expected) << "run " << run;
  }
  EXPECT_GT(stops, 100U);
  EXPECT_LT(stops, 300U);
}

TEST(variance_ratio_test, its_variances_agree_with_two_passes_in_long_double) {
  for (const std::size_t window : {2, 7, 310}) {
    for (const auto& [name, values] : test::streams(3000)) {
      variance_ratio rule{{.window = window, .threshold = 0.15}};
      for (std::size_t n = 1; n <= values.size(); ++n) {
        rule.observe(values[n - 1]);
        if (n > 1 && (n < 2 * window || n % 7 == 0)) {
          const auto all = test::two_pass_variance(std::span(values).first(n));
          ASSERT_LT(test::relative_error(rule.total_variance().value(), all), 1e-12)
              << name << ", window " << window << ", n = " << n;
          if (n >= window && all > 0) {
            const auto recent = test::two_pass_variance(std::span(values).subspan(n - window, window));
            ASSERT_LT(test::relative_error(rule.ratio().value(), recent / all), 1e-12)
                << name << ", window " << window << ", n = " << n;
          }
        }
      }
    }
  }
}

TEST(variance_ratio_test, its_defaults_and_presets_are_the_published_ones) {
  EXPECT_EQ(variance_ratio{}.options().window, 310U);
  EXPECT_EQ(variance_ratio{}.options().threshold, 0.15);
  EXPECT_EQ(presets::v2.window, 310U);
  EXPECT_EQ(presets::v2.threshold, 0.15);
  EXPECT_EQ(presets::v1.window, 282U);
  EXPECT_EQ(presets::v1.threshold, 0.39);
  ASSERT_EQ(variance_ratio::published.size(), 2U);
  EXPECT_EQ(variance_ratio::published[0].name, "v1");
  EXPECT_EQ(variance_ratio::published[0].options.window, 282U);
  EXPECT_EQ(variance_ratio::published[1].name, "v2");
  EXPECT_EQ(variance_ratio::published[1].options.window, 310U);
}

TEST(variance_ratio_test, warms_up_for_a_window_and_begins_at_exactly_one) {
  const auto values = test::streams(300)[4].values;
  variance_ratio rule{{.window = 100, .threshold = 1.0}};
  EXPECT_TRUE(rule.latest().warming_up);
  for (std::size_t n = 1; n < 100; ++n)
    EXPECT_EQ(rule.observe(values[n]), verdict{.warming_up = true});
  EXPECT_EQ(rule.reason(), "warming up: 99 of 100 observations");
  EXPECT_EQ(rule.observe(values[0]), verdict{.statistic = 1.0});
  EXPECT_EQ(rule.ratio(), 1.0);
}

TEST(variance_ratio_test, can_stop_at_the_observation_after_the_window) {
  // A first value far away, then two equal ones: the window of 2 holds the equal ones at observation 3.
  EXPECT_EQ(test::stop_of(variance_ratio{{.window = 2, .threshold = 0.15}}, std::vector{1.0, 0.0, 0.0, 0.0}),
            3U);
}

TEST(variance_ratio_test, says_why_it_stops) {
  variance_ratio rule{{.window = 2, .threshold = 0.5}};
  rule.observe(0.0);
  rule.observe(8.0);
  EXPECT_EQ(rule.reason(),
            "the variance of the last 2 observations is 1 of the total, not below 0.5, at observation 2");
  // Window {8, 7}: 1/4. Total {0, 8, 7}: mean 5, (25 + 9 + 4) / 3 = 38/3. Ratio 3/152.
  const auto stop = rule.observe(7.0);
  EXPECT_TRUE(stop.stop);
  EXPECT_FALSE(stop.warming_up);
  EXPECT_EQ(stop.rule, "variance_ratio");
  EXPECT_THAT(stop.statistic, testing::Optional(testing::DoubleEq(3.0 / 152.0)));
  EXPECT_EQ(rule.reason(),
            "the variance of the last 2 observations is 0.0197368 of the total, below 0.5, at observation 3");
}

TEST(variance_ratio_test, is_not_latched) {
  variance_ratio rule{{.window = 2, .threshold = 0.5}};
  rule.observe(0.0);
  rule.observe(8.0);
  EXPECT_TRUE(rule.observe(8.0).stop);
  EXPECT_FALSE(rule.observe(0.0).stop);
}

TEST(variance_ratio_test, a_linear_trend_stops_at_the_window_over_the_root_of_the_threshold) {
  for (const auto& options : {presets::v1, presets::v2}) {
    const auto n_squared = static_cast<double>(options.window * options.window);
    variance_ratio rule{options};
    std::size_t n = 0;
    for (verdict v; !v.stop;) {
      ++n;
      v = rule.observe(3.0 - 1e-4 * static_cast<double>(n));
      if (v.statistic) {
        const auto expected = (n_squared - 1) / (static_cast<double>(n * n) - 1);
        ASSERT_NEAR(*v.statistic / expected, 1.0, 1e-9) << n;
      }
    }
    // The least n with (N^2 - 1) / (n^2 - 1) < alpha.
    EXPECT_EQ(n, static_cast<std::size_t>(std::sqrt((n_squared - 1) / options.threshold + 1)) + 1);
  }
}

TEST(variance_ratio_test, one_early_spike_stops_it_when_the_spike_leaves_the_window) {
  std::mt19937_64 engine{2};
  std::normal_distribution<double> normal;
  for (const std::size_t index : {0, 5, 40}) {
    std::vector<double> losses(1000);
    std::ranges::generate(losses, [&] { return 0.18 + 1e-4 * normal(engine); });
    losses[index] = 9.0;
    EXPECT_EQ(test::stop_of(variance_ratio{presets::v2}, losses), 310 + index + 1);
  }
}

TEST(variance_ratio_test, flat_white_noise_never_stops_it) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937_64 engine{seed};
    std::normal_distribution<double> normal(0.18, 1e-3);
    std::vector<double> losses(6100);
    std::ranges::generate(losses, [&] { return normal(engine); });
    EXPECT_EQ(test::stop_of(variance_ratio{presets::v2}, losses), 0U);
  }
}

TEST(variance_ratio_test, is_undefined_while_all_observations_are_equal) {
  for (const double constant : {0.3, 0.1, 0.5, 0.0}) {
    variance_ratio rule{{.window = 20, .threshold = 0.15}};
    for (int n = 1; n <= 200; ++n)
      ASSERT_EQ(rule.observe(constant), verdict{.warming_up = n < 20});
    EXPECT_EQ(rule.window_variance(), 0.0);
    EXPECT_EQ(rule.total_variance(), 0.0);
    EXPECT_EQ(rule.reason(),
              "the variance ratio is undefined at observation 200: all observations are equal");
  }
}

TEST(variance_ratio_test, a_constant_tail_stops_it_with_a_ratio_of_zero) {
  variance_ratio rule{{.window = 5, .threshold = 0.01}};
  rule.observe(1.0);
  verdict last;
  for (int n = 0; n < 5; ++n)
    last = rule.observe(0.3);
  EXPECT_TRUE(last.stop);
  EXPECT_EQ(last.statistic, 0.0);
}

TEST(variance_ratio_test, keeps_a_non_finite_observation_for_ever_as_published) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 1e200}) {
    variance_ratio rule{{.window = 5, .threshold = 0.99}};
    for (int n = 0; n < 100; ++n) {
      const auto v = rule.observe(n == 3 ? bad : std::exp(-n));
      ASSERT_FALSE(v.stop);
      ASSERT_EQ(v.statistic, std::nullopt);
    }
    EXPECT_EQ(rule.reason(), "the variance ratio is undefined at observation 100: the history is not finite");
    EXPECT_TRUE(rule.window_variance().has_value());
  }
}

TEST(variance_ratio_test, can_skip_non_finite_observations) {
  variance_ratio plain{{.window = 5, .threshold = 0.15}};
  variance_ratio skipping{{.window = 5, .threshold = 0.15, .non_finite = non_finite_policy::skip}};
  for (int n = 0; n < 50; ++n) {
    const auto before = skipping.latest();
    EXPECT_EQ(skipping.observe(std::nan("")), before);
    EXPECT_EQ(skipping.observe(std::exp(-n)), plain.observe(std::exp(-n)));
  }
  EXPECT_EQ(skipping.count(), 50U);
}

TEST(variance_ratio_test, a_batch_is_as_one_after_the_other) {
  std::mt19937_64 engine{4};
  for (const std::size_t window : {2, 3, 17, 40, 310}) {
    for (auto [name, values] : test::streams(2000)) {
      values[1500] = std::nan("");
      for (const auto policy : {non_finite_policy::keep, non_finite_policy::skip}) {
        const variance_ratio_options options{.window = window, .threshold = 0.15, .non_finite = policy};
        variance_ratio one_by_one{options};
        variance_ratio batch{options};
        std::vector<double> ratios(values.size());
        for (std::size_t begin = 0; begin < values.size();) {
          const std::size_t length = std::min<std::size_t>(1 + engine() % 500, values.size() - begin);
          const auto next = std::span<const double>(values).subspan(begin, length);
          batch.observe(next, std::span(ratios).subspan(begin, length));
          for (std::size_t i = 0; i < length; ++i) {
            const verdict expected = one_by_one.observe(next[i]);
            const double ratio = ratios[begin + i];
            ASSERT_EQ(std::isfinite(ratio) ? std::optional(ratio) : std::nullopt, expected.statistic) << name;
          }
          ASSERT_EQ(save_state(batch), save_state(one_by_one)) << name << ", window " << window;
          begin += length;
        }
      }
    }
  }
}

TEST(variance_ratio_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { variance_ratio rule({.window = 1}); },
              ThrowsMessage<std::invalid_argument>("variance_ratio: window must be at least 2, not 1"));
  EXPECT_THAT(
      [] { variance_ratio rule({.threshold = 0.0}); },
      ThrowsMessage<std::invalid_argument>("variance_ratio: threshold must be above 0 and at most 1, not 0"));
  EXPECT_THAT([] { variance_ratio rule({.threshold = 1.5}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("1.5")));
  EXPECT_THAT([] { variance_ratio rule({.threshold = std::nan("")}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("nan")));
}

TEST(variance_ratio_test, reset_equals_fresh) {
  variance_ratio rule{presets::v1};
  for (const double value : test::white_noise(700))
    rule.observe(value);
  rule.reset();
  EXPECT_EQ(save_state(rule), save_state(variance_ratio{presets::v1}));
  EXPECT_TRUE(rule.latest().warming_up);
}

TEST(variance_ratio_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::streams(300)[4].values;
  const variance_ratio_options options{.window = 40, .threshold = 0.15};
  for (std::size_t cut = 0; cut < 200; cut += 3) {
    variance_ratio rule{options};
    for (std::size_t i = 0; i < cut; ++i)
      rule.observe(values[i]);
    variance_ratio loaded{options};
    load_state(loaded, save_state(rule));
    EXPECT_EQ(loaded.latest(), rule.latest());
    for (std::size_t i = cut; i < values.size(); ++i)
      ASSERT_EQ(loaded.observe(values[i]), rule.observe(values[i]));
    EXPECT_EQ(save_state(loaded), save_state(rule));
  }
}

TEST(variance_ratio_test, refuses_a_state_of_other_options_and_stays_as_it_was) {
  variance_ratio rule{{.window = 40, .threshold = 0.15}};
  rule.observe(1.0);
  const auto before = save_state(rule);
  EXPECT_THAT([&] { load_state(rule, save_state(variance_ratio{{.window = 41, .threshold = 0.15}})); },
              ThrowsMessage<state_error>(
                  "saved state: variance_ratio's window is 41 in the saved state and 40 here"));
  EXPECT_THAT([&] { load_state(rule, save_state(variance_ratio{{.window = 40, .threshold = 0.25}})); },
              ThrowsMessage<state_error>(
                  "saved state: variance_ratio's threshold is 0.25 in the saved state and 0.15 here"));
  const variance_ratio skipping{{.window = 40, .threshold = 0.15, .non_finite = non_finite_policy::skip}};
  EXPECT_THAT([&] { load_state(rule, save_state(skipping)); },
              ThrowsMessage<state_error>(
                  "saved state: variance_ratio's non_finite is skip in the saved state and keep here"));
  EXPECT_EQ(save_state(rule), before);
}

TEST(variance_ratio_test, observes_without_allocating) {
  variance_ratio rule{presets::v2};
  const auto values = test::white_noise(2000);
  std::size_t stops = 0;
  const auto before = test::allocations();
  for (const double value : values)
    stops += rule.observe(value).stop ? 1 : 0;
  EXPECT_EQ(test::allocations(), before);
  EXPECT_EQ(stops, 0U);
}

TEST(variance_ratio_test, reports_both_variances_and_the_ratio) {
  variance_ratio rule{{.window = 2, .threshold = 0.5}};
  const auto stops = test::stops_below(0.5);
  test::expect_report(rule, {{"rolling_variance"}, {"total_variance"}, {"ratio", std::nullopt, stops}});
  rule.observe(0.0);
  test::expect_report(rule, {{"rolling_variance"}, {"total_variance", 0.0}, {"ratio", std::nullopt, stops}});
  rule.observe(8.0);
  rule.observe(7.0);
  ASSERT_TRUE(rule.ratio() && rule.window_variance() == 0.25);
  test::expect_report(rule, {{"rolling_variance", 0.25},
                             {"total_variance", rule.total_variance()},
                             {"ratio", rule.ratio(), stops}});
  test::expect_report_as_the_verdict(variance_ratio{{.window = 12, .threshold = 0.6}},
                                     test::eventful_values());
}

TEST(variance_ratio_test, its_fields_are_its_options) {
  test::expect_fields<variance_ratio_options>({"window", "threshold", "non_finite"});
  EXPECT_EQ(enumerator_names(non_finite_policy{})[static_cast<std::size_t>(non_finite_policy::skip)], "skip");
}

}  // namespace
}  // namespace dvar
