#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/geweke.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../criteria/report_checks.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

/// Mean less `pivot`, and the square of the mean's standard error.
std::pair<long double, long double> mean_and_error(std::span<const double> values, double pivot) {
  long double sum = 0;
  for (const double value : values)
    sum += static_cast<long double>(value) - pivot;
  const auto n = static_cast<long double>(values.size());
  return {sum / n, test::two_pass_variance(values, 1) / n};
}

TEST(geweke_test, agrees_with_two_passes_in_long_double) {
  for (const auto& [name, values] : test::streams(1500)) {
    geweke rule{{.window = 310}};
    for (std::size_t n = 1; n <= values.size(); ++n) {
      const verdict v = rule.observe(values[n - 1]);
      ASSERT_EQ(v.warming_up, n < 310);
      if (n >= 310) {
        const auto window = std::span(values).subspan(n - 310, 310);
        const auto [a, error_a] = mean_and_error(window.first(31), window.back());
        const auto [b, error_b] = mean_and_error(window.last(155), window.back());
        const auto z = (a - b) / std::sqrt(error_a + error_b);
        ASSERT_LT(std::abs(v.statistic.value() - z), 1e-9L * (1 + std::abs(z))) << name << ", " << n;
        ASSERT_EQ(v.stop, std::abs(*v.statistic) < 1.96) << name << ", " << n;
      }
    }
  }
}

TEST(geweke_test, is_welchs_t) {
  // python3 -c "from scipy.stats import ttest_ind
  // z = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4]
  // print(ttest_ind(z[:2], z[10:], equal_var=False).statistic)
  // print(ttest_ind(z[:4], z[-10:], equal_var=False).statistic)"   (SciPy 1.17.1)
  for (const auto& [first, z] : {std::pair{0.1, -2.8900147214113447}, {0.2, -3.1239194733359064}}) {
    geweke rule{{.window = 20, .first = first}};
    for (const double value :
         {1e6, 3., 1., 4., 1., 5., 9., 2., 6., 5., 3., 5., 8., 9., 7., 9., 3., 2., 3., 8., 4.}) {
      rule.observe(value);
    }
    EXPECT_THAT(rule.latest().statistic, testing::Optional(testing::DoubleNear(z, 1e-13))) << first;
  }
}

TEST(geweke_test, takes_flat_noise_for_converged_about_as_often_as_its_level_says) {
  int stops = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    std::mt19937_64 engine{seed};
    std::normal_distribution<double> normal(0.18, 1e-3);
    geweke rule;
    for (int n = 0; n < 310; ++n)
      rule.observe(normal(engine));
    stops += rule.latest().stop ? 1 : 0;
  }
  // 95 % of 400 are 380, with a standard deviation of 4.4.
  EXPECT_GE(stops, 362);
  EXPECT_LE(stops, 397);
}

TEST(geweke_test, goes_on_while_the_loss_falls) {
  const auto values = test::falling_then_flat(2000, 0.01, 0.05);
  const std::size_t stop = test::stop_of(geweke{}, values);
  // 1e-3 exp(-0.01 i) sinks below the standard error of 31 values, 0.05e-3 / sqrt(31), at i = 471.
  EXPECT_GT(stop, 471U);
  EXPECT_LT(stop, 471U + 310U);
}

TEST(geweke_test, has_no_statistic_without_variance) {
  geweke equal{{.window = 20}};
  geweke stepped{{.window = 20}};
  for (int n = 0; n < 20; ++n) {
    equal.observe(0.3);
    stepped.observe(n < 5 ? 0.4 : 0.3);
  }
  EXPECT_EQ(equal.latest(), verdict{});
  EXPECT_EQ(stepped.latest(), verdict{});
  EXPECT_EQ(
      equal.reason(),
      "the means of the first 2 and the last 10 of the last 20 observations cannot be compared: they have "
      "no variance or are not finite");
}

TEST(geweke_test, recovers_when_a_bad_value_has_left) {
  const auto values = test::white_noise(200);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    geweke rule{{.window = 20}};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const verdict v = rule.observe(i == 50 ? bad : values[i]);
      // In the last 10 for 10 observations, between the parts for 8, in the first 2 for 2.
      const bool inside = (i >= 50 && i < 60) || i == 68 || i == 69;
      ASSERT_EQ(v.statistic.has_value(), i >= 19 && !inside) << i;
    }
  }
}

TEST(geweke_test, says_why) {
  geweke rule{{.window = 4, .first = 0.5, .last = 0.5, .threshold = 2.0}};
  rule.observe(1.0);
  EXPECT_EQ(rule.reason(), "warming up: fewer than 4 observations");
  rule.observe(3.0);
  rule.observe(1.0);
  // Means 2 and 1, squared errors 1 and 0.
  EXPECT_EQ(rule.observe(1.0), (verdict{.stop = true, .rule = "geweke", .statistic = 1.0}));
  EXPECT_EQ(rule.reason(),
            "the means of the first 2 and the last 2 of the last 4 observations are 1 standard errors apart, "
            "less than 2");
}

TEST(geweke_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { geweke rule({.first = 0.6, .last = 0.5}); },
              ThrowsMessage<std::invalid_argument>(
                  "geweke: first and last must together be at most 1, not 0.6 and 0.5"));
  EXPECT_THAT([] { geweke rule({.first = 0.0}); },
              ThrowsMessage<std::invalid_argument>("geweke: first must be above 0 and below 1, not 0"));
  EXPECT_THAT([] { geweke rule({.last = std::nan("")}); },
              ThrowsMessage<std::invalid_argument>("geweke: last must be above 0 and below 1, not nan"));
  EXPECT_THAT([] { geweke rule({.window = 3}); },
              ThrowsMessage<std::invalid_argument>("geweke: window must be at least 4, not 3"));
  EXPECT_THAT([] { geweke rule({.window = 19}); },
              ThrowsMessage<std::invalid_argument>(
                  "geweke: both parts must have at least 2 observations, not 1 and 9 of 19"));
  EXPECT_THAT([] { geweke rule({.threshold = 0.0}); },
              ThrowsMessage<std::invalid_argument>("geweke: threshold must be above 0, not 0"));
}

TEST(geweke_test, keeps_the_promises_of_a_criterion) {
  test::expect_a_sound_criterion(geweke{{.window = 40}}, test::falling_then_flat(300, 0.03, 0.05));
}

TEST(geweke_test, refuses_a_state_of_other_options) {
  geweke rule{{.window = 40}};
  const auto load = [&](const geweke_options& other) {
    return [&rule, other] { load_state(rule, save_state(geweke{other})); };
  };
  EXPECT_THAT(load({.window = 41}), ThrowsMessage<state_error>(
                                        "saved state: geweke's window is 41 in the saved state and 40 here"));
  EXPECT_THAT(
      load({.window = 40, .first = 0.2}),
      ThrowsMessage<state_error>("saved state: geweke's first is 0.2 in the saved state and 0.1 here"));
  EXPECT_THAT(
      load({.window = 40, .last = 0.4}),
      ThrowsMessage<state_error>("saved state: geweke's last is 0.4 in the saved state and 0.5 here"));
  EXPECT_THAT(
      load({.window = 40, .threshold = 2.5}),
      ThrowsMessage<state_error>("saved state: geweke's threshold is 2.5 in the saved state and 1.96 here"));
}

TEST(geweke_test, refuses_a_position_outside_its_window) {
  geweke rule{{.window = 40}};
  const auto archive = save_state(rule);
  // The name, its version, the window, three options, and the ring of delayed observations stand before the position.
  state_reader in(archive);
  in.section("geweke", 1);
  same_options(in, "geweke", rule.options());
  std::uint64_t ring = 0;
  in(ring);
  const std::size_t position = archive.size() - in.remaining() + 8 * static_cast<std::size_t>(ring);
  std::vector<std::byte> content(archive.begin() + detail::state_header_size, archive.end());
  content[position - detail::state_header_size] = static_cast<std::byte>(ring);
  std::vector<std::byte> damaged(archive.begin(), archive.begin() + 16);
  detail::append_little_endian(damaged, detail::fnv1a(content));
  damaged.insert(damaged.end(), content.begin(), content.end());
  EXPECT_THAT([&] { load_state(rule, damaged); },
              ThrowsMessage<state_error>("saved state: geweke's position is outside its window"));
}

TEST(geweke_test, reports_z) {
  geweke rule{{.window = 4, .first = 0.5, .last = 0.5, .threshold = 2.0}};
  test::expect_report(rule, {{"z"}, {"abs_z", std::nullopt, test::stops_below(2.0)}});
  for (const double value : {1.0, 1.0, 1.0, 3.0})
    rule.observe(value);
  EXPECT_EQ(rule.z(), -1.0);
  test::expect_report(rule, {{"z", -1.0}, {"abs_z", 1.0, test::stops_below(2.0)}});
  rule.observe(std::nan(""));
  test::expect_report(rule, {{"z"}, {"abs_z", std::nullopt, test::stops_below(2.0)}});
  test::expect_report_as_the_verdict(geweke{{.window = 20}}, test::falling_then_flat(300, 0.03, 0.05));
}

TEST(geweke_test, its_fields_are_its_options) {
  test::expect_fields<geweke_options>({"window", "first", "last", "threshold"});
}

}  // namespace
}  // namespace dvar
