#include "reporting/series.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace dvar::reporting {
namespace {

TEST(series, leaves_out_what_is_no_number) {
  std::vector<trace_point> trace(5);
  for (std::size_t i = 0; i < trace.size(); ++i)
    trace[i].step = static_cast<std::int64_t>(i) + 1;
  trace[1].ratio = 0.5;
  trace[2].ratio = std::numeric_limits<double>::infinity();
  trace[4].ratio = -0.0;
  const std::vector<point> series = extract_series(trace, &trace_point::ratio);
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0].step, 2);
  EXPECT_EQ(series[0].value, 0.5);
  EXPECT_EQ(series[1].step, 5);
  EXPECT_TRUE(extract_series(trace, &trace_point::loss).empty());
}

TEST(series, summary) {
  EXPECT_FALSE(summarise({}).has_value());
  const auto summary = summarise({{1, 4}, {2, -2}, {3, 7}, {9, 3}});
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->first, 4);
  EXPECT_EQ(summary->last, 3);
  EXPECT_EQ(summary->lowest, -2);
  EXPECT_EQ(summary->highest, 7);
  EXPECT_DOUBLE_EQ(summary->mean, 3);
}

TEST(series, thinning_keeps_the_extremes_in_order) {
  std::vector<point> series;
  for (std::int64_t step = 0; step < 10'000; ++step)
    series.push_back({step, std::sin(static_cast<double>(step) * 0.37)});
  series[1234].value = 50;
  series[9999].value = -50;
  const std::vector<point> thin = thin_out(series, 100);
  EXPECT_LE(thin.size(), 100u);
  EXPECT_GE(thin.size(), 90u);
  bool spike = false;
  for (std::size_t i = 0; i < thin.size(); ++i) {
    if (i > 0) EXPECT_LT(thin[i - 1].step, thin[i].step);
    EXPECT_EQ(thin[i].value, series[static_cast<std::size_t>(thin[i].step)].value);
    spike = spike || thin[i].value == 50;
  }
  EXPECT_TRUE(spike);
  EXPECT_EQ(thin.back().value, -50);
}

TEST(series, a_flat_curve_keeps_its_ends) {
  const std::vector<point> thin = thin_out({{1, 2}, {2, 2}, {3, 2}}, 2);
  ASSERT_EQ(thin.size(), 2u);
  EXPECT_EQ(thin.front().step, 1);
  EXPECT_EQ(thin.back().step, 3);
}

TEST(series, short_curves_stay_whole) {
  const std::vector<point> series{{1, 2}, {2, 2}, {3, 2}};
  EXPECT_EQ(thin_out(series, 3).size(), 3u);
  EXPECT_EQ(thin_out(series, 0).size(), 3u);
  EXPECT_TRUE(thin_out({}, 10).empty());
  EXPECT_EQ(thin_out({{1, 2}}, 2).size(), 1u);
}

}  // namespace
}  // namespace dvar::reporting
