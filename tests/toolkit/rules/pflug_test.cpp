#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/pflug.hpp>

#include "../allocations.hpp"
#include "../vectors.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

TEST(pflug_test, adds_up_the_products_of_successive_gradients) {
  pflug rule{{.dimension = 2, .burn_in = 2}};
  EXPECT_EQ(rule.observe(std::vector{1.0, 2.0}), verdict{.warming_up = true});
  EXPECT_EQ(rule.observe(std::vector{3.0, 1.0}), verdict{.warming_up = true});
  EXPECT_EQ(rule.reason(), "warming up: 2 gradients, more than 2 are needed");
  // 1 * 3 + 2 * 1 = 5; 3 * (-1) + 1 * 0 = -3
  EXPECT_EQ(rule.observe(std::vector{-1.0, 0.0}), verdict{.statistic = 2.0});
  EXPECT_EQ(rule.reason(), "the products of 3 successive gradients add up to 2, not below 0");
  EXPECT_EQ(rule.observe(std::vector{2.0, 7.0}), verdict{.statistic = 0.0});
  EXPECT_EQ(rule.observe(std::vector{-1.0, -1.0}),
            (verdict{.stop = true, .rule = "pflug", .statistic = -9.0}));
  EXPECT_EQ(rule.reason(), "the products of 5 successive gradients add up to -9, below 0");
}

TEST(pflug_test, stops_descent_on_a_quadratic_function_when_it_has_arrived) {
  std::mt19937_64 engine{7};
  std::normal_distribution<double> normal;
  std::vector<double> x(20, 10.0);
  std::vector<double> gradient(20);
  pflug rule{{.dimension = 20, .burn_in = 10}};
  verdict v;
  int steps = 0;
  double square = 0.0;
  while (!v.stop && steps < 100000) {
    ++steps;
    square = 0.0;
    for (std::size_t d = 0; d < x.size(); ++d) {
      gradient[d] = x[d] + normal(engine);
      x[d] -= 0.2 * gradient[d];
      square += x[d] * x[d] / 20.0;
    }
    v = rule.observe(gradient);
  }
  // At rest the mean square of a component is 0.2 / (2 - 0.2) = 0.11; it began with 100.
  EXPECT_LT(steps, 100000);
  EXPECT_GT(steps, 20);
  EXPECT_LT(square, 0.5);
}

TEST(pflug_test, has_no_statistic_after_a_bad_gradient) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 1e200}) {
    pflug rule{{.dimension = 1, .burn_in = 2}};
    for (int n = 0; n < 20; ++n) {
      const verdict v = rule.observe(std::vector{n == 5 || n == 6 ? bad : 1.0});
      ASSERT_EQ(v.statistic.has_value(), n == 2 || n == 3 || n == 4 || (n == 5 && bad == 1e200)) << n;
      ASSERT_FALSE(v.stop);
    }
    EXPECT_EQ(rule.reason(), "the products of successive gradients are not finite");
    rule.reset();
    EXPECT_EQ(save_state(rule), save_state(pflug{{.dimension = 1, .burn_in = 2}}));
  }
}

TEST(pflug_test, a_loaded_state_continues_bit_for_bit) {
  const pflug fresh{{.dimension = 5, .burn_in = 20}};
  const auto gradients = test::random_vectors(100, 5);
  for (std::size_t cut = 0; cut < 60; ++cut) {
    pflug rule = fresh;
    for (std::size_t i = 0; i < cut; ++i)
      rule.observe(gradients[i]);
    pflug loaded = fresh;
    load_state(loaded, save_state(rule));
    for (std::size_t i = cut; i < gradients.size(); ++i)
      ASSERT_EQ(loaded.observe(gradients[i]), rule.observe(gradients[i]));
    EXPECT_EQ(save_state(loaded), save_state(rule));
  }
}

TEST(pflug_test, refuses_a_state_of_other_options_and_options_out_of_range) {
  pflug rule{{.dimension = 5, .burn_in = 20}};
  EXPECT_THAT(
      [&] { load_state(rule, save_state(pflug{{.dimension = 6, .burn_in = 20}})); },
      ThrowsMessage<state_error>("saved state: pflug's dimension is 6 in the saved state and 5 here"));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(pflug{{.dimension = 5, .burn_in = 21}})); },
      ThrowsMessage<state_error>("saved state: pflug's burn_in is 21 in the saved state and 20 here"));
  EXPECT_THAT([] { pflug none{pflug_options{}}; },
              ThrowsMessage<std::invalid_argument>("pflug: dimension must be at least 1, not 0"));
  EXPECT_THAT([] { pflug early({.dimension = 1, .burn_in = 1}); },
              ThrowsMessage<std::invalid_argument>("pflug: burn_in must be at least 2, not 1"));
}

TEST(pflug_test, observes_without_allocating) {
  pflug rule{{.dimension = 8}};
  const auto gradients = test::random_vectors(300, 8);
  const auto before = test::allocations();
  for (const auto& gradient : gradients)
    rule.observe(gradient);
  EXPECT_EQ(test::allocations(), before);
  EXPECT_TRUE(rule.latest().statistic);
}

TEST(pflug_test, reports_its_sum) {
  pflug rule{{.dimension = 1, .burn_in = 2}};
  const stop_bound bound{stop_bound::comparison::less, 0.0};
  for (const double component : {1.0, -2.0, 3.0}) {
    const std::optional<double> sum = rule.observe(std::vector{component}).statistic;
    const auto values = reported_values(rule);
    ASSERT_EQ(values.size(), 1U);
    EXPECT_EQ(values[0].rule, "pflug");
    EXPECT_EQ(values[0].name, "sum_of_products");
    EXPECT_EQ(values[0].value, sum);
    EXPECT_EQ(values[0].stops, bound);
  }
  EXPECT_EQ(reported_values(rule)[0].value, -8.0);
}

TEST(pflug_test, its_options_name_every_member_once) {
  [[maybe_unused]] const auto [dimension, burn_in] = pflug_options{};
  const auto [first, second] = pflug_options::fields();
  EXPECT_EQ(first.name, "dimension");
  EXPECT_EQ(first.member, &pflug_options::dimension);
  EXPECT_EQ(second.name, "burn_in");
  EXPECT_EQ(second.member, &pflug_options::burn_in);
}

}  // namespace
}  // namespace dvar
