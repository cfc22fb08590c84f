#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/sasa.hpp>

#include "../criteria/criterion_checks.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

TEST(sasa_test, its_quantity_is_what_a_step_takes_from_the_squared_norm) {
  const std::vector<double> x{3.0, -1.0, 0.5};
  const std::vector<float> d{2.0F, 4.0F, -1.0F};
  // (3 * 2 - 1 * 4 - 0.5) - 0.25 / 2 * (4 + 16 + 1) = 1.5 - 2.625
  EXPECT_EQ(sasa_statistic(x, d, 0.25), -1.125);
  double before = 0.0;
  double after = 0.0;
  for (std::size_t i = 0; i < 3; ++i) {
    before += x[i] * x[i];
    after += std::pow(x[i] - 0.25 * static_cast<double>(d[i]), 2);
  }
  EXPECT_DOUBLE_EQ((before - after) / (2.0 * 0.25), -1.125);
}

TEST(sasa_test, agrees_with_scipy_on_batch_means) {
  // python3 -c "from scipy.stats import ttest_1samp; import numpy as np
  // x = np.array([3, 1, 4, -1, 5, -9, 2, -6, 5, 3, -5, 8.])
  // print(ttest_1samp(x.reshape(4, 3).mean(axis=1), 0).pvalue)"   (SciPy 1.17.1)
  sasa rule{{.batches = 4, .batch_length = 3}};
  const double values[] = {3, 1, 4, -1, 5, -9, 2, -6, 5, 3, -5, 8};
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_EQ(rule.observe(values[i]).warming_up, i < 11);
  EXPECT_THAT(rule.latest().statistic, testing::Optional(testing::DoubleNear(0.45221090166445016, 1e-13)));
  EXPECT_TRUE(rule.latest().stop);
  // Between the ends of batches the verdict stays.
  EXPECT_EQ(rule.observe(1e9), rule.latest());
}

TEST(sasa_test, stops_descent_on_a_quadratic_function_when_it_has_arrived) {
  std::mt19937_64 engine{7};
  std::normal_distribution<double> normal;
  std::vector<double> x(20, 100.0);
  std::vector<double> direction(20);
  sasa rule{{.batches = 16, .batch_length = 16}};
  verdict v;
  int steps = 0;
  double square = 0.0;
  while (!v.stop && steps < 100000) {
    ++steps;
    square = 0.0;
    for (std::size_t d = 0; d < x.size(); ++d)
      direction[d] = x[d] + normal(engine);
    v = rule.observe(sasa_statistic(x, direction, 0.01));
    for (std::size_t d = 0; d < x.size(); ++d) {
      x[d] -= 0.01 * direction[d];
      square += x[d] * x[d] / 20.0;
    }
  }
  // 100 exp(-0.01 n) has come down to 1 after 460 steps.
  EXPECT_GT(steps, 460);
  EXPECT_LT(steps, 2000);
  EXPECT_LT(square, 0.5);
}

TEST(sasa_test, stops_on_noise_as_often_as_its_significance_says) {
  int stops = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    std::mt19937_64 engine{seed};
    std::normal_distribution<double> normal;
    sasa rule{{.batches = 8, .batch_length = 4, .significance = 0.2}};
    for (int n = 0; n < 32; ++n)
      rule.observe(normal(engine));
    stops += rule.latest().stop ? 1 : 0;
  }
  // 80 % of 400 are 320, with a standard deviation of 8.
  EXPECT_NEAR(stops, 320, 32);
}

TEST(sasa_test, equal_means_are_certain_and_zeros_undefined) {
  sasa rule{{.batches = 2, .batch_length = 1}};
  rule.observe(0.5);
  EXPECT_EQ(rule.observe(0.5), verdict{.statistic = 0.0});
  rule.observe(0.0);
  EXPECT_EQ(rule.observe(0.0), verdict{});
  EXPECT_EQ(rule.reason(), "the means of the last 2 batches are all 0 or not finite");
}

TEST(sasa_test, recovers_when_a_bad_value_has_left) {
  const auto values = test::white_noise(100);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    sasa rule{{.batches = 4, .batch_length = 5}};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const verdict v = rule.observe(i == 42 ? bad : values[i]);
      // Batch 8 ends at index 44; batch 12 replaces it at index 64.
      ASSERT_EQ(v.statistic.has_value(), i >= 19 && (i < 44 || i >= 64)) << i;
    }
  }
}

TEST(sasa_test, says_why) {
  sasa rule{{.batches = 2, .batch_length = 1}};
  rule.observe(1.0);
  EXPECT_EQ(rule.reason(), "warming up: 1 of 2 batches");
  // One degree of freedom: p = 1/2 at |t| = 1, 1 at 0.
  rule.observe(-1.0);
  EXPECT_EQ(rule.latest(), (verdict{.stop = true, .rule = "sasa", .statistic = 1.0}));
  EXPECT_EQ(rule.reason(), "the means of the last 2 batches differ from 0 with a p-value of 1, above 0.05");
  rule.observe(-1.0);
  EXPECT_EQ(rule.reason(),
            "the means of the last 2 batches differ from 0 with a p-value of 0, not above 0.05");
}

TEST(sasa_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { sasa rule({.batches = 1}); },
              ThrowsMessage<std::invalid_argument>("sasa: batches must be at least 2, not 1"));
  EXPECT_THAT([] { sasa rule({.batch_length = 0}); },
              ThrowsMessage<std::invalid_argument>("sasa: batch_length must be at least 1, not 0"));
  EXPECT_THAT([] { sasa rule({.significance = 1.0}); },
              ThrowsMessage<std::invalid_argument>("sasa: significance must be above 0 and below 1, not 1"));
}

TEST(sasa_test, keeps_the_promises_of_a_criterion) {
  test::expect_a_sound_criterion(sasa{{.batches = 5, .batch_length = 7}},
                                 test::falling_then_flat(300, 0.03, 0.05));
}

TEST(sasa_test, refuses_a_state_of_other_options) {
  sasa rule{{.batches = 5, .batch_length = 7, .significance = 0.5}};
  const auto load = [&](const sasa_options& other) {
    return [&rule, other] { load_state(rule, save_state(sasa{other})); };
  };
  EXPECT_THAT(load({.batches = 6, .batch_length = 7, .significance = 0.5}),
              ThrowsMessage<state_error>("saved state: sasa's batches is 6 in the saved state and 5 here"));
  EXPECT_THAT(
      load({.batches = 5, .batch_length = 8, .significance = 0.5}),
      ThrowsMessage<state_error>("saved state: sasa's batch_length is 8 in the saved state and 7 here"));
  EXPECT_THAT(
      load({.batches = 5, .batch_length = 7, .significance = 0.25}),
      ThrowsMessage<state_error>("saved state: sasa's significance is 0.25 in the saved state and 0.5 here"));
}

TEST(sasa_test, refuses_a_state_whose_position_is_outside_its_batch) {
  sasa rule{{.batches = 2, .batch_length = 3}};
  state_writer out;
  out.section("sasa", 2);
  out(std::size_t{2}, std::size_t{3}, 0.05, std::vector<double>(2), 0.0, std::size_t{3}, std::uint64_t{0},
      -1.0);
  EXPECT_THAT([&] { load_state(rule, out.bytes()); },
              ThrowsMessage<state_error>("saved state: sasa's position is outside its batch"));
}

TEST(sasa_test, reports_its_p_value) {
  sasa rule{{.batches = 2, .batch_length = 1}};
  const stop_bound bound{stop_bound::comparison::greater, 0.05};
  for (const double value : {1.0, -1.0, -1.0}) {
    const std::optional<double> p = rule.observe(value).statistic;
    const auto values = reported_values(rule);
    ASSERT_EQ(values.size(), 1U);
    EXPECT_EQ(values[0].rule, "sasa");
    EXPECT_EQ(values[0].name, "p_value");
    EXPECT_EQ(values[0].value, p);
    EXPECT_EQ(values[0].stops, bound);
  }
  EXPECT_EQ(reported_values(rule)[0].value, 0.0);
  EXPECT_EQ(reported_values(sasa{})[0].value, std::nullopt);
}

TEST(sasa_test, its_options_name_every_member_once) {
  [[maybe_unused]] const auto [batches, batch_length, significance] = sasa_options{};
  const auto [first, second, third] = sasa_options::fields();
  EXPECT_EQ(first.name, "batches");
  EXPECT_EQ(first.member, &sasa_options::batches);
  EXPECT_EQ(second.name, "batch_length");
  EXPECT_EQ(second.member, &sasa_options::batch_length);
  EXPECT_EQ(third.name, "significance");
  EXPECT_EQ(third.member, &sasa_options::significance);
}

}  // namespace
}  // namespace dvar
