#include "cli/watch/run_picture.hpp"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../files.hpp"
#include "../refusal_of.hpp"
#include "cli/replay/rule_grid.hpp"

namespace dvar::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

played_rule rule_of(const std::string& text) {
  return make_played_rule(expand_rule(text, "--stop").rules.front(), "");
}

/// Returns the log of a probe loss that falls by a factor of e every 100 steps.
std::filesystem::path falling_run(std::size_t steps) {
  std::string lines;
  for (std::size_t step = 1; step <= steps; ++step)
    lines += "{\"step\":" + std::to_string(step) +
             ",\"probe_loss\":" + std::to_string(std::exp(-static_cast<double>(step) / 100.0)) + "}\n";
  const std::filesystem::path file = test::new_directory() / "trace.jsonl";
  test::put(file, lines);
  return file;
}

TEST(run_picture_test, curves_go_from_the_least_to_the_largest) {
  EXPECT_EQ(curve_of({0, 1, 2, 3, 4, 5, 6, 7}, 20, true), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(curve_of({0, 1, 2, 3, 4, 5, 6, 7}, 20, false), "_.-~+*#@");
  EXPECT_EQ(curve_of({0, 0, 7, 7}, 2, false), "_@") << "each column is a mean";
  EXPECT_EQ(curve_of({5, 5}, 2, false), "__");
  EXPECT_EQ(curve_of({0, std::nan(""), 7}, 3, false), "_!@");
  EXPECT_EQ(curve_of({}, 3, false), "");
}

TEST(run_picture_test, says_when_the_rule_stops) {
  const auto rule = rule_of("variance_ratio:window=50,threshold=0.15");
  const watched_run whole = look_at(falling_run(400), rule);
  ASSERT_TRUE(whole.stopped_at.has_value());
  const std::string picture = picture_of(whole, 80, false);
  EXPECT_THAT(picture, HasSubstr("trace.jsonl: step 400\n  probe_loss  @"));
  EXPECT_THAT(picture, HasSubstr("stops below 0.15\n  the rule stops at step " +
                                 std::to_string(*whole.stopped_at) + ": the variance of the last 50"));

  // A quarter before, the forecast is near.
  const watched_run part = look_at(falling_run(*whole.stopped_at * 3 / 4), rule);
  EXPECT_FALSE(part.stopped_at.has_value());
  ASSERT_TRUE(part.forecast.has_value());
  EXPECT_NEAR(static_cast<double>(*part.forecast), static_cast<double>(*whole.stopped_at),
              0.1 * static_cast<double>(*whole.stopped_at));
  EXPECT_THAT(picture_of(part, 80, false), HasSubstr("the rule stops about step "));
}

TEST(run_picture_test, says_what_was_gained_over_the_untouched_model) {
  const std::filesystem::path file = test::new_directory() / "trace.jsonl";
  test::put(file, R"({"step":1,"loss":2,"untouched_probe_loss":0.5,"untouched_held_out_probe_loss":0.75}
{"step":2,"probe_loss":0.375,"held_out_probe_loss":0.875}
)");
  EXPECT_THAT(picture_of(look_at(file, rule_of("dvar")), 80, false), HasSubstr("  0.375, gained 0.125\n"));
  EXPECT_THAT(picture_of(look_at(file, rule_of("held_out:patience")), 80, false),
              HasSubstr("  0.875, gained -0.125\n"));
  EXPECT_THAT(picture_of(look_at(falling_run(10), rule_of("dvar")), 80, false), Not(HasSubstr(", gained")));
}

TEST(run_picture_test, says_that_no_stop_is_in_sight) {
  EXPECT_THAT(picture_of(look_at(falling_run(10), rule_of("dvar")), 80, false),
              HasSubstr("  no stop in sight: warming up"));
}

TEST(run_picture_test, a_log_that_cannot_be_read_is_refused) {
  EXPECT_THAT(refusal_of([] { look_at(test::new_directory() / "none", rule_of("dvar")); }),
              HasSubstr("expected a trace, found nothing"));
}

}  // namespace
}  // namespace dvar::cli
