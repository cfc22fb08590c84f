#include "reporting/series.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace dvar::reporting {
namespace {

TEST(series_test, leaves_out_what_is_no_number) {
  trace records;
  records.append(1);
  records.append(2, {{"ratio", 0.5}});
  records.append(3, {{"ratio", std::numeric_limits<double>::infinity()}});
  records.append(4, {{"ratio", std::numeric_limits<double>::quiet_NaN()}});
  records.append(5, {{"ratio", -0.0}});
  const std::vector<point> series = extract_series(records, "ratio");
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0].step, 2);
  EXPECT_EQ(series[0].value, 0.5);
  EXPECT_EQ(series[1].step, 5);
  EXPECT_TRUE(extract_series(records, "loss").empty());
}

TEST(series_test, summary) {
  EXPECT_FALSE(summarize({}).has_value());
  const auto summary = summarize({{1, 4}, {2, -2}, {3, 7}, {9, 3}});
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->first, 4);
  EXPECT_EQ(summary->last, 3);
  EXPECT_EQ(summary->lowest, -2);
  EXPECT_EQ(summary->highest, 7);
  EXPECT_DOUBLE_EQ(summary->mean, 3);
}

TEST(series_test, the_end_is_that_of_the_last_points) {
  std::vector<point> series;
  std::vector<double> last;
  for (std::int64_t step = 1; step <= 50; ++step) {
    series.push_back({step, static_cast<double>(step * step % 17)});
    if (step > 20) last.push_back(series.back().value);
  }
  const auto end = summarize_end(series, 30);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->count, 30u);
  EXPECT_EQ(end->error, mean_error_of(last));
  EXPECT_EQ(summarize_end(series, 100)->count, 50u);
  series.resize(7);
  EXPECT_FALSE(summarize_end(series, 30).has_value());
}

TEST(series_test, thinning_keeps_the_extremes_in_order) {
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

TEST(series_test, a_flat_curve_keeps_its_ends) {
  const std::vector<point> thin = thin_out({{1, 2}, {2, 2}, {3, 2}}, 2);
  ASSERT_EQ(thin.size(), 2u);
  EXPECT_EQ(thin.front().step, 1);
  EXPECT_EQ(thin.back().step, 3);
}

TEST(series_test, short_curves_stay_whole) {
  const std::vector<point> series{{1, 2}, {2, 2}, {3, 2}};
  EXPECT_EQ(thin_out(series, 3).size(), 3u);
  EXPECT_EQ(thin_out(series, 0).size(), 3u);
  EXPECT_TRUE(thin_out({}, 10).empty());
  EXPECT_EQ(thin_out({{1, 2}}, 2).size(), 1u);
}

}  // namespace
}  // namespace dvar::reporting
