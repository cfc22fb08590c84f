#include "cli/watch/forecast.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvar::cli {
namespace {

using comparison = stop_bound::comparison;

/// Returns `count` numbers from step `first` on, of a function of the step.
template <class Function>
step_values series(std::size_t first, std::size_t count, Function function) {
  step_values numbers;
  for (std::size_t step = first; step < first + count; ++step)
    numbers.emplace_back(step, function(static_cast<double>(step)));
  return numbers;
}

TEST(forecast_test, a_ratio_that_falls_by_a_factor_reaches_its_bound) {
  // exp(-s / 100) is below 0.05 from step 299.57 on.
  const auto falling = series(1, 200, [](double step) { return std::exp(-step / 100.0); });
  EXPECT_EQ(forecast_stop(falling, {comparison::less, 0.05}), 300U);
  EXPECT_EQ(forecast_stop(series(1001, 200, [](double step) { return std::exp(-step / 100.0); }),
                          {comparison::less, std::exp(-15.005)}),
            1501U);
}

TEST(forecast_test, a_number_that_rises_in_a_line_reaches_its_bound) {
  const auto rising = series(1, 40, [](double step) { return step - 30.0; });
  EXPECT_EQ(forecast_stop(rising, {comparison::greater_equal, 20.5}), 51U);
}

TEST(forecast_test, the_beginning_does_not_count) {
  auto numbers = series(1, 100, [](double) { return 7.0; });
  const auto falling = series(101, 100, [](double step) { return std::exp(-step / 100.0); });
  numbers.insert(numbers.end(), falling.begin(), falling.end());
  EXPECT_EQ(forecast_stop(numbers, {comparison::less, 0.05}), 300U);
}

TEST(forecast_test, no_step_where_a_line_leads_nowhere) {
  const auto falling = series(1, 200, [](double step) { return std::exp(-step / 100.0); });
  EXPECT_EQ(forecast_stop(falling, {comparison::greater, 2.0}), std::nullopt) << "it falls";
  EXPECT_EQ(forecast_stop(falling, {comparison::less, 0.01}), std::nullopt) << "461 is beyond twice 200";
  EXPECT_EQ(forecast_stop(series(1, 50, [](double) { return 0.5; }), {comparison::less, 0.1}), std::nullopt);
  EXPECT_EQ(forecast_stop(series(1, 7, [](double step) { return 8.0 - step; }), {comparison::less, 0.5}),
            std::nullopt)
      << "too few";
  EXPECT_EQ(forecast_stop(series(1, 50, [](double) { return std::nan(""); }), {comparison::less, 0.1}),
            std::nullopt);
}

TEST(forecast_test, what_the_line_has_passed_is_the_next_step) {
  auto numbers = series(1, 20, [](double step) { return 20.0 - step; });
  numbers.back().second = 5.0;
  EXPECT_EQ(forecast_stop(numbers, {comparison::less, 4.5}), 21U);
}

}  // namespace
}  // namespace dvar::cli
