// How the variance ratio is misled, and the guard against each: the table in docs/guards.md.

#include <cmath>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/combinators/after.hpp>
#include <dvar/combinators/all_of.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/consecutive.hpp>
#include <dvar/combinators/despiked.hpp>
#include <dvar/rules/already_converged.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/slope_test.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "../streams.hpp"
#include "criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;

constexpr std::size_t window = 50;
const variance_ratio bare{{.window = window, .threshold = 0.15}};

std::vector<double> flat(std::size_t length) {
  std::vector<double> values = test::white_noise(length);
  for (double& value : values)
    value = 0.18 + 1e-5 * value;
  return values;
}

std::vector<double> spiked(std::vector<double> values, std::size_t at) {
  values[at] = 1.0;
  return values;
}

/// Falls with this pace, then only noise is left.
std::vector<double> falling(std::size_t length, double pace) {
  std::vector<double> values = flat(length);
  for (std::size_t i = 0; i < length; ++i)
    values[i] += 1e-3 * std::exp(-static_cast<double>(i) / pace);
  return values;
}

std::vector<double> straight_line(std::size_t length) {
  std::vector<double> values = flat(length);
  for (std::size_t i = 0; i < length; ++i)
    values[i] -= 1e-5 * static_cast<double>(i);
  return values;
}

TEST(guards_test, a_minimum_of_steps) {
  const auto values = falling(400, 30.0);
  const std::size_t stop = stop_of(bare, values);
  ASSERT_GT(stop, window);
  EXPECT_EQ(stop_of(after{stop - 1, bare}, values), stop);
  EXPECT_EQ(stop_of(after{300, bare}, values), 301U) << "the ratio is still below at 301";
}

TEST(guards_test, several_hits_in_a_row) {
  const auto values = falling(400, 30.0);
  EXPECT_EQ(stop_of(consecutive{5, bare}, values), stop_of(bare, values) + 4);
  // A ratio that dips below for one observation only.
  std::vector<double> dip = falling(stop_of(bare, values), 30.0);
  dip.insert(dip.end(), 10, 0.19);
  ASSERT_EQ(stop_of(bare, dip), stop_of(bare, values));
  EXPECT_EQ(stop_of(consecutive{5, bare}, dip), 0U);
}

TEST(guards_test, a_total_without_spikes) {
  for (const std::size_t at : {0, 7, 40}) {
    const auto values = spiked(flat(500), at);
    ASSERT_EQ(stop_of(bare, values), window + at + 1) << "nothing was learned";
    EXPECT_EQ(stop_of(despiked{3, bare}, values), 0U) << at;
  }
  // A loss that is learned from: the spike makes no difference.
  const std::size_t without = stop_of(despiked{3, bare}, falling(500, 30.0));
  ASSERT_GT(without, 0U);
  EXPECT_NEAR(static_cast<double>(stop_of(despiked{3, bare}, spiked(falling(500, 30.0), 7))),
              static_cast<double>(without), 2.0);
}

TEST(guards_test, a_slope_that_must_have_gone_as_well) {
  // (N² - 1) / (n² - 1) < 0.15 from n = 130 on; the noise moves that by a few.
  EXPECT_NEAR(static_cast<double>(stop_of(bare, straight_line(1000))), 130.0, 5.0);
  const all_of both{bare, slope_test{{.window = window}}};
  EXPECT_EQ(stop_of(both, straight_line(1000)), 0U);
  EXPECT_GT(stop_of(both, falling(1000, 30.0)), stop_of(bare, falling(1000, 30.0)) - 1);
}

TEST(guards_test, a_run_that_begins_converged) {
  ASSERT_EQ(stop_of(bare, flat(2000)), 0U);
  const any_of either{bare, already_converged{{.observations = window}}};
  EXPECT_EQ(stop_of(either, flat(2000)), window);
  EXPECT_EQ(stop_of(either, falling(400, 30.0)), stop_of(bare, falling(400, 30.0)));
}

TEST(guards_test, a_value_that_is_not_finite) {
  auto values = falling(400, 30.0);
  values[20] = std::nan("");
  EXPECT_EQ(stop_of(bare, values), 0U) << "the total is undefined for ever";
  EXPECT_EQ(stop_of(any_of{bare, non_finite{}}, values), 21U);
  const variance_ratio skipping{{.window = window, .threshold = 0.15, .non_finite = non_finite_policy::skip}};
  EXPECT_GT(stop_of(skipping, values), window);
  EXPECT_GT(stop_of(despiked{3, bare}, values), window);
}

TEST(guards_test, all_of_them) {
  const any_of guarded{
      after{100, consecutive{3, all_of{despiked{3, bare}, slope_test{{.window = window}}}}},
      already_converged{{.observations = window}},
      non_finite{},
  };
  EXPECT_EQ(stop_of(guarded, straight_line(1000)), 0U);
  EXPECT_EQ(stop_of(guarded, flat(1000)), window);
  const auto values = spiked(falling(1000, 30.0), 60);
  const std::size_t stop = stop_of(guarded, values);
  EXPECT_GT(stop, 102U);
  EXPECT_LT(stop, 300U);
  test::expect_exact_state(guarded, std::span(values).first(130));
}

}  // namespace
}  // namespace dvar
