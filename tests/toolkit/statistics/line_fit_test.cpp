#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/line_fit.hpp>
#include <dvar/statistics/total_slope.hpp>

#include "../allocations.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

TEST(line_fit_test, agrees_with_scipy) {
  // python3 -c "from scipy.stats import linregress
  // y = [5.1, 4.8, 4.9, 4.1, 4.3, 3.9, 4.0, 3.2]
  // for a in 'two-sided', 'less', 'greater':
  //   r = linregress(range(8), y, alternative=a); print(r.slope, r.stderr, r.pvalue)"   (SciPy 1.17.1)
  total_slope all;
  for (const double value : {5.1, 4.8, 4.9, 4.1, 4.3, 3.9, 4.0, 3.2})
    all.observe(value);
  const line_fit fit = all.fit().value();
  EXPECT_EQ(fit.count, 8.0);
  EXPECT_LT(test::relative_error(fit.slope, -0.23928571428571427), 1e-13);
  EXPECT_LT(test::relative_error(fit.standard_error, 0.036943144402816416), 1e-13);
  EXPECT_LT(test::relative_error(fit.p_value(), 0.0006432226296126985), 1e-12);
  EXPECT_LT(test::relative_error(fit.p_value(trend_test::falling), 0.00032161131480634925), 1e-12);
  EXPECT_LT(test::relative_error(fit.p_value(trend_test::rising), 0.9996783886851937), 1e-12);
}

TEST(line_fit_test, its_p_values_are_those_of_students_t) {
  // python3 -c "from scipy.stats import t; print(2 * t.sf(2, 308))"   (SciPy 1.17.1), and so on
  struct {
    double t, degrees, p;
  } const expected[] = {
      {1e-3, 1, 0.9993633804398159},    {2, 1, 0.2951672353008665},      {0.5, 3, 0.651447964848151},
      {5, 8, 0.0010528257933665399},    {2, 308, 0.046378076514810435},  {10, 308, 1.42421027694157e-20},
      {1.5, 1998, 0.13377239437686414}, {2, 2001, 0.045635205824768085}, {3, 100000, 0.0027004608840647234},
  };
  for (const auto& [t, degrees, p] : expected) {
    for (const double sign : {1.0, -1.0}) {
      const line_fit fit{.count = degrees + 2.0, .slope = sign * t, .standard_error = 1.0};
      EXPECT_LT(test::relative_error(fit.p_value(), p), 1e-12) << t << ", " << degrees;
      const double tail = fit.p_value(sign > 0.0 ? trend_test::rising : trend_test::falling);
      EXPECT_LT(test::relative_error(tail, p / 2.0), 1e-12) << t << ", " << degrees;
      const double rest = fit.p_value(sign > 0.0 ? trend_test::falling : trend_test::rising);
      EXPECT_LT(test::relative_error(rest, 1.0 - p / 2.0), 1e-12) << t << ", " << degrees;
    }
  }
}

TEST(line_fit_test, an_exact_line_is_certain_and_a_flat_one_is_no_evidence) {
  const line_fit exact{.count = 10.0, .slope = -2.0, .standard_error = 0.0};
  EXPECT_EQ(exact.p_value(), 0.0);
  EXPECT_EQ(exact.p_value(trend_test::falling), 0.0);
  EXPECT_EQ(exact.p_value(trend_test::rising), 1.0);
  const line_fit flat{.count = 10.0, .slope = 0.0, .standard_error = 0.0};
  EXPECT_EQ(flat.p_value(), 1.0);
  EXPECT_EQ(flat.p_value(trend_test::falling), 0.5);
  EXPECT_EQ(flat.p_value(trend_test::rising), 0.5);
}

TEST(line_fit_test, is_undefined_for_few_or_infinite_sums) {
  EXPECT_EQ(line_fit::of(2.0, 1.0, 1.0), std::nullopt);
  EXPECT_EQ(line_fit::of(0.0, 0.0, 0.0), std::nullopt);
  EXPECT_EQ(line_fit::of(3.0, std::numeric_limits<double>::infinity(), 1.0), std::nullopt);
  EXPECT_EQ(line_fit::of(3.0, 1.0, std::nan("")), std::nullopt);
  // Squares 2 and products 2 of 1, 2, 3: the line is exact.
  EXPECT_EQ(line_fit::of(3.0, 2.0, 2.0), (line_fit{.count = 3.0, .slope = 1.0, .standard_error = 0.0}));
  // Rounding may leave fewer squares than the line explains.
  EXPECT_EQ(line_fit::of(3.0, std::nextafter(2.0, 0.0), 2.0)->standard_error, 0.0);
}

TEST(line_fit_test, its_p_value_never_allocates) {
  const auto before = test::allocations();
  double sum = 0.0;
  for (double count = 3.0; count < 5000.0; count += 1.0)
    sum += line_fit{.count = count, .slope = 1.5, .standard_error = 1.0}.p_value();
  EXPECT_EQ(test::allocations(), before);
  EXPECT_NEAR(sum / 4997.0, 0.134, 1e-2);
}

}  // namespace
}  // namespace dvar
