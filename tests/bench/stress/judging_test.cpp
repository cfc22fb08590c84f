#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <judging.hpp>

namespace dvar::stress {
namespace {

std::vector<double> line(std::size_t length) {
  std::vector<double> curve;
  for (std::size_t i = 0; i < length; ++i)
    curve.push_back(1.0 - static_cast<double>(i) / static_cast<double>(length - 1));
  return curve;
}

TEST(judging_test, a_line_is_good_to_stop_at_its_end_alone) {
  const good_stops good = find_good_stops(line(101), expectation::falls);
  EXPECT_EQ(good.from, 91U);
  EXPECT_FALSE(good.are_expected);
  EXPECT_EQ(judge(good, 90), outcome::false_stop);
  EXPECT_EQ(judge(good, 91), outcome::good_stop);
  EXPECT_EQ(judge(good, 101), outcome::good_stop);
  EXPECT_EQ(judge(good, std::nullopt), outcome::went_on);
}

TEST(judging_test, a_fall_is_late_after_three_times_what_most_of_it_took) {
  std::vector<double> curve(100, 0.0);
  curve[0] = 1.0;
  curve[1] = 0.5;
  curve[2] = 0.2;
  curve[3] = 0.1;  // 90 % of the fall
  const good_stops good = find_good_stops(curve, expectation::falls);
  EXPECT_EQ(good.from, 4U);
  EXPECT_EQ(good.to, 12U);
  EXPECT_EQ(judge(good, 3), outcome::false_stop);
  EXPECT_EQ(judge(good, 12), outcome::good_stop);
  EXPECT_EQ(judge(good, 13), outcome::late_stop);
  EXPECT_EQ(judge(good, std::nullopt), outcome::missed);
}

TEST(judging_test, a_curve_that_rises_again_is_late_once_it_has_risen) {
  std::vector<double> curve;
  for (int i = 0; i < 100; ++i)
    curve.push_back(std::abs(i - 40) / 40.0);  // 1 at the beginning, 0 at observation 41
  const good_stops good = find_good_stops(curve, expectation::falls);
  EXPECT_EQ(good.from, 37U);
  EXPECT_EQ(good.to, 45U);
  EXPECT_EQ(judge(good, 46), outcome::late_stop);
  EXPECT_EQ(judge(good, std::nullopt), outcome::missed);
}

TEST(judging_test, a_series_that_rests_is_only_missed) {
  const good_stops good = find_good_stops(std::vector(50, 0.25), expectation::rests);
  EXPECT_EQ(judge(good, 1), outcome::good_stop);
  EXPECT_EQ(judge(good, 50), outcome::good_stop);
  EXPECT_EQ(judge(good, std::nullopt), outcome::missed);
}

TEST(judging_test, nothing_is_held_against_stops_of_what_nobody_knows) {
  const good_stops good = find_good_stops(std::vector(50, 0.25), expectation::unknown);
  EXPECT_EQ(judge(good, 1), outcome::good_stop);
  EXPECT_EQ(judge(good, 50), outcome::good_stop);
  EXPECT_EQ(judge(good, std::nullopt), outcome::went_on);
}

TEST(judging_test, a_stop_for_a_broken_value_is_one_by_its_rule_at_such_a_value) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(is_for_a_broken_value({.stop = true, .rule = "non_finite"}, nan));
  EXPECT_FALSE(is_for_a_broken_value({.stop = true, .rule = "non_finite"}, 1.0));
  EXPECT_FALSE(is_for_a_broken_value({.stop = true, .rule = "steps"}, nan));
  EXPECT_FALSE(is_for_a_broken_value({}, nan));
}

}  // namespace
}  // namespace dvar::stress
