#include <cmath>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/clip_s.hpp>

#include "../criteria/criterion_checks.hpp"

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
  EXPECT_EQ(rule.observe(0.61), (verdict{.stop = true, .rule = "clip_s", .statistic = 3.0}));
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
  std::vector<std::string_view> names;
  for (const auto& preset : clip_s::published)
    names.push_back(preset.name);
  EXPECT_EQ(names, (std::vector<std::string_view>{"v1", "v2", "dreambooth_lora"}));
  EXPECT_EQ(clip_s::published[2].options.patience, presets::clip_s_dreambooth_lora.patience);
}

TEST(clip_s_test, refuses_options_out_of_range) {
  EXPECT_THAT([] { clip_s rule({.patience = 0}); },
              testing::ThrowsMessage<std::invalid_argument>("clip_s: patience must be at least 1, not 0"));
  EXPECT_THAT([] { clip_s rule({.eps = -1.0}); }, testing::ThrowsMessage<std::invalid_argument>(
                                                      "clip_s: eps must be finite and at least 0, not -1"));
}

TEST(clip_s_test, reports_the_best_score_and_the_wait) {
  clip_s rule{{.patience = 2}};
  test::expect_report(rule, {{"best"}, {"wait", std::nullopt, test::stops_from(2.0)}});
  for (const double score : {0.5, 0.7, 0.71})
    rule.observe(score);
  test::expect_report(rule, {{"best", 0.71}, {"wait", 1.0, test::stops_from(2.0)}});
  test::expect_report_as_the_verdict(rule, test::eventful_values());
}

TEST(clip_s_test, its_fields_are_its_options) {
  test::expect_fields<clip_s_options>({"patience", "eps"});
}

TEST(clip_s_test, state_and_reset_are_exact_and_nothing_allocates) {
  test::expect_a_sound_criterion(clip_s{presets::clip_s_v1}, test::eventful_values());
}

TEST(clip_s_test, refuses_a_state_of_other_options) {
  clip_s rule{{.patience = 4}};
  EXPECT_THAT([&] { load_state(rule, save_state(clip_s{{.patience = 5}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: clip_s's patience is 5 in the saved state and 4 here"));
  EXPECT_THAT([&] { load_state(rule, save_state(clip_s{{.patience = 4, .eps = 0.5}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: clip_s's eps is 0.5 in the saved state and 0.02 here"));
}

}  // namespace
}  // namespace dvar
