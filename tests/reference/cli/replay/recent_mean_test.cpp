#include "cli/replay/recent_mean.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace dvar::cli {
namespace {

/// Returns a run of 60 steps whose loss is known after every second.
trace_series every_second() {
  trace_series series{.column = "loss", .records = {}, .last_step = 60};
  for (std::size_t step = 1; step <= 60; ++step) {
    series.records.append(step);
    if (step % 2 == 0) series.records.add("loss", static_cast<double>(step * step % 29));
  }
  return series;
}

TEST(recent_mean_test, is_of_the_last_values) {
  std::vector<double> last;
  for (std::size_t step = 22; step <= 60; step += 2)
    last.push_back(static_cast<double>(step * step % 29));
  const recent_mean mean = recent_mean_of(every_second(), 20);
  EXPECT_EQ(mean.asked, 20u);
  EXPECT_EQ(mean.found, 20u);
  EXPECT_EQ(mean.error, mean_error_of(last));
}

TEST(recent_mean_test, says_where_there_are_too_few_values) {
  const recent_mean mean = recent_mean_of(every_second(), 31);
  EXPECT_EQ(mean.error, mean_error{});
  EXPECT_EQ(describe(mean, "loss"), "loss has 30 values, fewer than 31");
}

TEST(recent_mean_test, is_a_sentence) {
  const recent_mean mean{
      .asked = 310,
      .found = 310,
      .error = {
          .mean = 0.08125, .effective_sample_size = 289.6, .standard_error = 0.00125, .split_r_hat = 1.0022}};
  EXPECT_EQ(
      describe(mean, "loss"),
      "the mean of the last 310 values of loss is 0.08125 with a standard error of 0.0013, as sure as that of 290 "
      "independent values; split R-hat 1.002");
  trace_series broken = every_second();
  broken.records.append(61, {{"loss", std::nan("")}});
  EXPECT_EQ(describe(recent_mean_of(broken, 9), "loss"),
            "the last 9 values of loss have no mean: they are not all finite");
}

}  // namespace
}  // namespace dvar::cli
