#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/already_converged.hpp>
#include <dvar/statistics/total_slope.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;

std::vector<double> noise(unsigned seed, std::size_t length) {
  std::mt19937_64 engine{seed};
  std::normal_distribution<double> normal;
  std::vector<double> values(length);
  for (double& value : values)
    value = 0.18 + 1e-4 * normal(engine);
  return values;
}

TEST(already_converged_test, stops_flat_noise_as_often_as_its_significance_says) {
  int stops = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    const std::size_t at =
        stop_of(already_converged{{.observations = 60, .significance = 0.2}}, noise(seed, 200));
    stops += at > 0 ? 1 : 0;
    EXPECT_TRUE(at == 0 || at == 60) << at;
  }
  // 80 % of 400, with a standard deviation of 8.
  EXPECT_NEAR(stops, 320, 40);
}

TEST(already_converged_test, goes_on_where_anything_has_moved) {
  for (const double pace : {0.5, 5.0, 50.0}) {
    std::vector<double> values = noise(1, 310);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += 0.01 * std::exp(-static_cast<double>(i) / (4.0 * pace));
    EXPECT_EQ(stop_of(already_converged{}, values), 0U) << pace;
  }
}

TEST(already_converged_test, its_statistic_is_the_p_value_of_the_slope) {
  const auto values = noise(3, 40);
  total_slope slope;
  already_converged rule{{.observations = 40}};
  for (const double value : values) {
    slope.observe(value);
    rule.observe(value);
  }
  EXPECT_EQ(rule.latest().statistic, slope.fit()->p_value());
}

TEST(already_converged_test, judges_once) {
  already_converged rule{{.observations = 10}};
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(rule.observe(2.0), verdict{.warming_up = true});
  const verdict stop{.stop = true, .rule = "already_converged", .statistic = 1.0};
  EXPECT_EQ(rule.observe(2.0), stop);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(rule.observe(100.0 * i), stop);
  EXPECT_EQ(rule.reason(), "the slope of the first 10 observations has a p-value of 1, above 0.05");
  rule.reset();
  for (int i = 0; i < 10; ++i)
    rule.observe(i);
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(rule.observe(7.0).stop);
  EXPECT_NE(rule.reason().find("not above 0.05"), std::string::npos);
}

TEST(already_converged_test, has_no_statistic_for_a_beginning_that_is_not_finite) {
  already_converged rule{{.observations = 5}};
  for (const double value : {1.0, std::numeric_limits<double>::infinity(), 1.0, 1.0, 1.0})
    rule.observe(value);
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_EQ(rule.reason(), "the slope of the first 5 observations is undefined: they are not finite");
}

TEST(already_converged_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { already_converged rule({.observations = 2}); },
              testing::ThrowsMessage<std::invalid_argument>(
                  "already_converged: observations must be at least 3, not 2"));
  EXPECT_THAT([] { already_converged rule({.significance = 1.0}); },
              testing::ThrowsMessage<std::invalid_argument>(
                  "already_converged: significance must be above 0 and below 1, not 1"));
  for (const double significance : {0.0, 1.0, std::nan("")})
    EXPECT_THROW(already_converged({.significance = significance}), std::invalid_argument);
}

TEST(already_converged_test, reports_its_p_value) {
  already_converged rule{{.observations = 10, .significance = 0.5}};
  test::expect_report(rule, {{"p_value", std::nullopt, test::stops_above(0.5)}});
  test::expect_report_as_the_verdict(rule, std::vector<double>(15, 2.0));
  for (const double value : noise(1, 10))
    rule.observe(value);
  ASSERT_TRUE(rule.p_value());
  test::expect_report(rule, {{"p_value", rule.p_value(), test::stops_above(0.5)}});
}

TEST(already_converged_test, its_fields_are_its_options) {
  test::expect_fields<already_converged_options>({"observations", "significance"});
}

TEST(already_converged_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(already_converged{{.observations = 30}}, test::eventful_values());
}

TEST(already_converged_test, refuses_a_state_of_other_options) {
  already_converged rule{{.observations = 40}};
  EXPECT_THAT([&] { load_state(rule, save_state(already_converged{{.observations = 41}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: already_converged's observations is 41 in the saved state and 40 here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(already_converged{{.observations = 40, .significance = 0.25}})); },
      testing::ThrowsMessage<state_error>(
          "saved state: already_converged's significance is 0.25 in the saved state and 0.05 here"));
}

}  // namespace
}  // namespace dvar
