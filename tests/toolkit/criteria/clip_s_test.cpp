#include <cmath>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/criteria/clip_s.hpp>

#include "criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;

TEST(clip_s_test, stops_at_the_check_that_the_paper_names) {
  // "5 consecutive": the last improvement is at check 2, so check 7 and not 8.
  const std::vector<double> scores{0.60, 0.70, 0.71, 0.72, 0.69, 0.74, 0.73, 0.74, 0.75};
  EXPECT_EQ(stop_of(clip_s{presets::clip_s_v1}, scores), 7U);
}

TEST(clip_s_test, small_gains_add_up_until_they_are_an_improvement) {
  // 0.70, 0.74 and 0.77 are each more than 0.02 above the one before: the wait begins again at check 9.
  const std::vector<double> scores{0.60, 0.70, 0.71, 0.72, 0.69, 0.74, 0.73, 0.74,
                                   0.77, 0.7,  0.7,  0.7,  0.7,  0.7,  0.7};
  EXPECT_EQ(stop_of(clip_s{presets::clip_s_v2}, scores), 15U);
}

TEST(clip_s_test, says_why_and_keeps_the_best_score) {
  clip_s rule{presets::clip_s_dreambooth_lora};
  for (const double score : {0.5, 0.6, 0.62, 0.63})
    EXPECT_FALSE(rule.observe(score).stop);
  EXPECT_EQ(rule.observe(0.61), (verdict{.stop = true, .reason = "clip_s", .statistic = 3.0}));
  EXPECT_EQ(rule.best().value(), 0.63);
  EXPECT_EQ(rule.best().observation(), 4U);
  EXPECT_EQ(
      rule.reason(),
      "CLIP score: 3 observations without improvement, patience 3, at observation 5; the best is 0.63 at "
      "observation 4");
}

TEST(clip_s_test, a_nan_is_no_improvement) {
  EXPECT_EQ(stop_of(clip_s{{.patience = 2}}, std::vector<double>{std::nan(""), std::nan(""), 0.5}), 2U);
  EXPECT_EQ(
      stop_of(clip_s{{.patience = 2}}, std::vector<double>{std::nan(""), 0.5, std::nan(""), 0.6, 0.6, 0.6}),
      6U);
}

TEST(clip_s_test, its_presets_are_the_published_ones) {
  EXPECT_EQ(presets::clip_s_v1.patience, 5U);
  EXPECT_EQ(presets::clip_s_v1.eps, 0.05);
  EXPECT_EQ(clip_s{}.options().patience, presets::clip_s_v2.patience);
  EXPECT_EQ(clip_s{}.options().eps, 0.02);
}

TEST(clip_s_test, refuses_options_out_of_range) {
  EXPECT_THROW(clip_s({.patience = 0}), std::invalid_argument);
  EXPECT_THROW(clip_s({.eps = -1.0}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar
