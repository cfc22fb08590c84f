// Rules written a second time, straight from their formulas over the whole history, and compared at every observation:
// Pflug's sum, the movement of a vector, and the three rules that the authors of DVAR tried besides theirs. The second
// writing uses long double and keeps everything; it shares no code with the rules.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/rules/ema_percentile.hpp>
#include <dvar/rules/hall.hpp>
#include <dvar/rules/movement.hpp>
#include <dvar/rules/pflug.hpp>
#include <dvar/rules/trend.hpp>

namespace dvar {
namespace {

using real = long double;
using history = std::span<const double>;

/// Falls, flattens and falls again, with noise.
std::vector<double> losses(unsigned seed) {
  std::mt19937_64 engine{seed};
  std::normal_distribution<double> normal;
  std::vector<double> values;
  for (int i = 0; i < 600; ++i) {
    const double level = i < 300 ? std::exp(-0.03 * i) : 0.5 * std::exp(-0.01 * (i - 300));
    values.push_back(2.0 + level + 0.01 * normal(engine));
  }
  return values;
}

/// `statistic(history)` has a value once the rule has; it stops where `stops(statistic)`.
template <class Rule, class Statistic, class Stops>
void expect_the_same(Rule rule, Statistic statistic, Stops stops) {
  int stopped = 0;
  int went_on = 0;
  for (const unsigned seed : {1U, 2U, 3U}) {
    rule.reset();
    const auto values = losses(seed);
    for (std::size_t n = 1; n <= values.size(); ++n) {
      const verdict v = rule.observe(values[n - 1]);
      const std::optional<real> expected = statistic(history(values).first(n));
      ASSERT_EQ(v.statistic.has_value(), expected.has_value()) << n;
      if (expected) {
        ASSERT_NEAR(*v.statistic, static_cast<double>(*expected), 1e-10 * (1.0 + std::abs(*v.statistic)))
            << n;
        ASSERT_EQ(v.stop, stops(*expected)) << n;
        ++(v.stop ? stopped : went_on);
      }
    }
  }
  EXPECT_GT(stopped, 10);
  EXPECT_GT(went_on, 10);
}

TEST(second_implementation_test, ema_percentile) {
  // (EMA(t) - EMA(t-n)) / EMA(t-n), the weights of the observations normalized.
  const auto average = [](history x) {
    real sum = 0;
    real weights = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const real weight = std::pow(real{0.9}, static_cast<real>(x.size() - 1 - i));
      sum += weight * x[i];
      weights += weight;
    }
    return sum / weights;
  };
  expect_the_same(
      ema_percentile{{.lag = 20, .weight = 0.1, .threshold = 0.002}},
      [&](history x) -> std::optional<real> {
        if (x.size() <= 20) return std::nullopt;
        const real before = average(x.first(x.size() - 20));
        return (average(x) - before) / before;
      },
      [](real change) { return std::abs(change) < 0.002L; });
}

TEST(second_implementation_test, hall) {
  // (max - min) / mean of the last n.
  expect_the_same(
      hall{{.window = 30, .threshold = 0.03}},
      [](history x) -> std::optional<real> {
        if (x.size() < 30) return std::nullopt;
        const history last = x.last(30);
        real sum = 0;
        for (const double value : last)
          sum += value;
        return (real{*std::max_element(last.begin(), last.end())} -
                *std::min_element(last.begin(), last.end())) /
               (sum / 30);
      },
      [](real band) { return band < 0.03L; });
}

TEST(second_implementation_test, trend) {
  // The least-squares slope of the last n, by the covariance with the index.
  expect_the_same(
      trend{{.window = 25, .threshold = 1e-3}},
      [](history x) -> std::optional<real> {
        if (x.size() < 25) return std::nullopt;
        const history last = x.last(25);
        real mean = 0;
        for (const double value : last)
          mean += value / real{25};
        real products = 0;
        real squares = 0;
        for (std::size_t i = 0; i < 25; ++i) {
          const real index = static_cast<real>(i) - 12;
          products += index * (last[i] - mean);
          squares += index * index;
        }
        return products / squares;
      },
      [](real slope) { return std::abs(slope) < 1e-3L; });
}

/// Walks towards 0 and then around it.
std::vector<std::array<double, 4>> walk(unsigned seed) {
  std::mt19937_64 engine{seed};
  std::normal_distribution<double> normal;
  std::vector<std::array<double, 4>> vectors;
  for (int n = 0; n < 400; ++n) {
    auto& x = vectors.emplace_back();
    for (double& component : x)
      component = 3.0 * std::exp(-0.02 * n) + 0.2 * normal(engine);
  }
  return vectors;
}

TEST(second_implementation_test, pflug) {
  // S = sum of <g_k, g_(k-1)>, below 0 after the burn-in. Gradients that turn against each other in the end.
  for (const unsigned seed : {1U, 2U}) {
    auto gradients = walk(seed);
    for (std::size_t n = 100; n < gradients.size(); ++n)
      for (double& component : gradients[n])
        component += n % 2 == 0 ? 1.5 : -1.5;
    pflug rule{{.dimension = 4, .burn_in = 10}};
    real sum = 0;
    int stopped = 0;
    for (std::size_t n = 0; n < gradients.size(); ++n) {
      for (std::size_t d = 0; n > 0 && d < 4; ++d)
        sum += real{gradients[n][d]} * gradients[n - 1][d];
      const verdict v = rule.observe(gradients[n]);
      ASSERT_EQ(v.warming_up, n + 1 <= 10);
      if (v.statistic) {
        ASSERT_NEAR(*v.statistic, static_cast<double>(sum), 1e-10 * (1.0 + std::abs(*v.statistic)));
        ASSERT_EQ(v.stop, sum < 0);
        stopped += v.stop ? 1 : 0;
      }
    }
    EXPECT_GT(stopped, 0);
  }
}

TEST(second_implementation_test, movement) {
  // The mean squared distance of the last W vectors from their mean; stops when the lowest is `patience` vectors ago.
  constexpr std::size_t window = 12;
  for (const unsigned seed : {1U, 2U}) {
    const auto vectors = walk(seed);
    movement rule{{.dimension = 4, .window = window, .patience = 40}};
    std::optional<real> lowest;
    std::size_t waited = 0;
    int stopped = 0;
    for (std::size_t n = 1; n <= vectors.size(); ++n) {
      const verdict v = rule.observe(vectors[n - 1]);
      ASSERT_EQ(v.warming_up, n < window);
      if (n < window) continue;
      real variance = 0;
      for (std::size_t d = 0; d < 4; ++d) {
        real mean = 0;
        for (std::size_t i = n - window; i < n; ++i)
          mean += vectors[i][d] / real{window};
        for (std::size_t i = n - window; i < n; ++i)
          variance += (vectors[i][d] - mean) * (vectors[i][d] - mean) / window;
      }
      ASSERT_NEAR(*rule.variance(), static_cast<double>(variance), 1e-12);
      waited = !lowest || variance < *lowest ? 0 : waited + 1;
      lowest = lowest ? std::min(*lowest, variance) : variance;
      ASSERT_EQ(v.statistic, static_cast<double>(waited)) << n;
      ASSERT_EQ(v.stop, waited >= 40);
      stopped += v.stop ? 1 : 0;
    }
    EXPECT_GT(stopped, 0);
  }
}

}  // namespace
}  // namespace dvar
