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

#include <dvar/rules/geweke.hpp>
#include <dvar/rules/mean_settled.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../criteria/report_checks.hpp"
#include "../dependent.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::DoubleNear;
using testing::Optional;
using testing::ThrowsMessage;

mean_settled seen(const mean_settled_options& options, std::span<const double> values) {
  mean_settled rule{options};
  for (const double value : values)
    rule.observe(value);
  return rule;
}

/// Returns noise about 0.18 of which each value depends on the one before by `phi`.
std::vector<double> correlated_noise(std::size_t length, double phi, unsigned seed) {
  std::mt19937_64 engine{seed};
  std::normal_distribution<double> normal(0.0, 1e-3);
  double x = normal(engine) / std::sqrt(1.0 - phi * phi);
  std::vector<double> values(length);
  for (double& value : values) {
    value = 0.18 + x;
    x = phi * x + normal(engine);
  }
  return values;
}

struct expected_numbers {
  double phi;
  double drift;
  double change;
  double change_error;
  double effective_sample_size;
  double z;
};

// With ArviZ 0.23.4, and x = np.array(dependent(800, phi, drift)), which tests/toolkit/dependent.hpp has in Python:
//   a, b = x[None, :400], x[None, 400:]
//   change = b.mean() - a.mean(); error = np.hypot(az.mcse(a, method="mean"), az.mcse(b, method="mean"))
//   change, error, min(az.ess(a, method="mean"), az.ess(b, method="mean")), change / error
TEST(mean_settled_test, compares_means_by_the_errors_that_arviz_gives_them) {
  const std::vector<expected_numbers> by_arviz{
      {0.0, 0.0, 0.018901827195406895, 0.01956832754367649, 408.05730796544253, 0.9659398409607584},
      {0.5, 0.0, 0.03974779773007242, 0.038086675091074516, 136.549907512869, 1.043614272840193},
      {0.5, 2e-3, -0.7602522022699105, 0.3193008340420092, 3.0017088469259448, -2.380990342699471}};
  for (const expected_numbers& each : by_arviz) {
    const std::vector<double> values = test::dependent(800, each.phi, each.drift);
    const mean_settled rule = seen({.window = 400, .effective_samples = 1.0}, values);
    EXPECT_THAT(rule.z(), Optional(DoubleNear(each.z, 1e-10)));
    const std::vector<reported_value> report = reported_values(rule);
    EXPECT_THAT(report[0].value, Optional(DoubleNear(each.change, 1e-10)));
    EXPECT_THAT(report[1].value, Optional(DoubleNear(each.change_error, 1e-10)));
    EXPECT_THAT(report[2].value,
                Optional(DoubleNear(each.effective_sample_size, 1e-10 * each.effective_sample_size)));
  }
}

TEST(mean_settled_test, takes_flat_noise_for_settled_about_as_often_as_its_level_says) {
  for (const double phi : {0.0, 0.6}) {
    int stops = 0;
    int stops_by_plain_variances = 0;
    for (unsigned seed = 0; seed < 400; ++seed) {
      const std::vector<double> values = correlated_noise(1000, phi, seed);
      stops += seen({}, values).latest().stop ? 1 : 0;
      geweke plain{{.window = 1000, .first = 0.5, .last = 0.5}};
      for (const double value : values)
        plain.observe(value);
      stops_by_plain_variances += plain.latest().stop ? 1 : 0;
    }
    // 95 % of 400 are 380, with a standard deviation of 4.4.
    EXPECT_GE(stops, 362) << phi;
    EXPECT_LE(stops, 397) << phi;
    // Those of neighbors that are alike are too small: noise is taken for a change.
    EXPECT_LT(stops_by_plain_variances, phi > 0.0 ? 320 : 398);
  }
}

TEST(mean_settled_test, goes_on_while_the_loss_falls) {
  const auto values = test::falling_then_flat(3000, 0.005, 0.2);
  const std::size_t stop = test::stop_of(mean_settled{{.window = 300}}, values);
  // The means of 300 and the 300 before, 1e-3 exp(-0.005 i) apart by more than their errors of 0.2e-3 sqrt(2 / 300) while i < 800.
  EXPECT_GT(stop, 800U);
  EXPECT_LT(stop, 1800U);
}

TEST(mean_settled_test, does_not_judge_where_the_means_are_unsure) {
  const std::vector<double> values = correlated_noise(200, 0.95, 1);
  mean_settled rule = seen({.window = 100, .effective_samples = 50.0}, values);
  EXPECT_EQ(rule.latest(), verdict{});
  EXPECT_THAT(rule.reason(),
              testing::MatchesRegex("the means of 100 observations are as sure as those of [0-9.]+ "
                                    "independent ones, fewer than 50"));
  // A straight line is like no noise at all.
  std::vector<double> line(200);
  for (std::size_t i = 0; i < line.size(); ++i)
    line[i] = 1.0 - 1e-3 * static_cast<double>(i);
  EXPECT_EQ(seen({.window = 100, .effective_samples = 10.0}, line).latest(), verdict{});
}

TEST(mean_settled_test, judges_once_in_a_stride) {
  const auto values = test::white_noise(100);
  mean_settled rule{{.window = 20, .effective_samples = 1.0, .stride = 7}};
  mean_settled always{{.window = 20, .effective_samples = 1.0, .stride = 1}};
  std::optional<double> judged;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const verdict now = rule.observe(values[i]);
    const verdict each = always.observe(values[i]);
    ASSERT_EQ(now.warming_up, i + 1 < 40);
    if (i + 1 >= 40 && (i + 1 - 40) % 7 == 0) judged = each.statistic;
    ASSERT_EQ(now.statistic, judged) << i;
    ASSERT_EQ(rule.z(), judged);
  }
}

TEST(mean_settled_test, equal_observations_are_settled_and_a_step_is_not) {
  mean_settled equal{{.window = 20, .effective_samples = 10.0, .stride = 1}};
  mean_settled stepped = equal;
  for (int n = 0; n < 40; ++n) {
    equal.observe(0.3);
    stepped.observe(n < 20 ? 0.4 : 0.3);
  }
  EXPECT_EQ(equal.latest(), (verdict{.stop = true, .rule = "mean_settled", .statistic = 0.0}));
  EXPECT_EQ(stepped.latest(), verdict{});
  EXPECT_EQ(
      stepped.reason(),
      "the means of the last 20 observations and of the 20 before cannot be compared: they have no variance "
      "or are not finite");
}

TEST(mean_settled_test, recovers_when_a_bad_value_has_left) {
  const auto values = test::white_noise(200);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    mean_settled rule{{.window = 20, .effective_samples = 1.0, .stride = 1}};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const verdict v = rule.observe(i == 50 ? bad : values[i]);
      ASSERT_EQ(v.statistic.has_value(), i >= 39 && !(i >= 50 && i < 90)) << i;
    }
  }
}

TEST(mean_settled_test, says_why) {
  mean_settled rule{{.window = 8, .effective_samples = 1.0, .threshold = 2.0}};
  rule.observe(1.0);
  EXPECT_EQ(rule.reason(), "warming up: fewer than 16 observations");
  for (int n = 1; n < 16; ++n)
    rule.observe(n % 2 == 0 ? 1.0 : 3.0);
  EXPECT_EQ(
      rule.reason(),
      "the means of the last 8 observations and of the 8 before differ by 0, 0 standard errors, fewer than 2");
}

TEST(mean_settled_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { mean_settled rule({.window = 7}); },
              ThrowsMessage<std::invalid_argument>("mean_settled: window must be at least 8, not 7"));
  EXPECT_THAT([] { mean_settled rule({.window = 40}); },
              ThrowsMessage<std::invalid_argument>(
                  "mean_settled: effective_samples must be at most window, not 50 and 40"));
  EXPECT_THAT([] { mean_settled rule({.threshold = std::nan("")}); },
              ThrowsMessage<std::invalid_argument>("mean_settled: threshold must be above 0, not nan"));
  EXPECT_THAT([] { mean_settled rule({.stride = 0}); },
              ThrowsMessage<std::invalid_argument>("mean_settled: stride must be at least 1, not 0"));
}

TEST(mean_settled_test, keeps_the_promises_of_a_criterion) {
  test::expect_a_sound_criterion(mean_settled{{.window = 20, .effective_samples = 5.0, .stride = 3}},
                                 test::falling_then_flat(200, 0.03, 0.2));
}

TEST(mean_settled_test, refuses_a_state_of_other_options) {
  mean_settled rule{{.window = 200}};
  EXPECT_THAT([&] { load_state(rule, save_state(mean_settled{{.window = 201}})); },
              ThrowsMessage<state_error>(
                  "saved state: mean_settled's window is 201 in the saved state and 200 here"));
}

TEST(mean_settled_test, reports_what_it_compares) {
  mean_settled rule{{.window = 8, .effective_samples = 1.0, .threshold = 2.0}};
  test::expect_report(rule, {{"change"},
                             {"change_error"},
                             {"effective_sample_size"},
                             {"abs_z", std::nullopt, test::stops_below(2.0)}});
  test::expect_report_as_the_verdict(mean_settled{{.window = 20, .effective_samples = 5.0, .stride = 3}},
                                     test::falling_then_flat(300, 0.03, 0.2));
}

TEST(mean_settled_test, its_fields_are_its_options) {
  test::expect_fields<mean_settled_options>({"window", "effective_samples", "threshold", "stride"});
}

}  // namespace
}  // namespace dvar
