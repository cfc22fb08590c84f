#include <cmath>
#include <cstddef>
#include <list>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/combinators/any_of.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/trace/replay.hpp>

#include "records.hpp"

namespace dvar {
namespace {

using test::make_trace;

TEST(replay_test, finds_the_step_of_the_stop) {
  trace records;
  variance_ratio live{{.window = 10, .threshold = 0.15}};
  std::size_t expected = 0;
  for (std::size_t step = 5; step <= 500; step += 5) {
    const double loss = std::exp(-0.02 * static_cast<double>(step));
    records.append(step - 1, {{"loss", 1.0}});
    records.append(step, {{"probe_loss", loss}});
    if (live.observe(loss).stop && expected == 0) expected = step;
  }
  ASSERT_GT(expected, 0U);
  const auto result = replay(records, variance_ratio{{.window = 10, .threshold = 0.15}});
  EXPECT_EQ(result.stopped_at, expected);
  EXPECT_EQ(result.observations, expected / 5);
  EXPECT_EQ(result.last.rule, "variance_ratio");
  EXPECT_NE(result.reason.find("below 0.15, at observation"), std::string::npos);
}

TEST(replay_test, says_when_nothing_stops) {
  const auto result = replay(make_trace({{1, {{"probe_loss", 0.5}}}, {2, {}}}), variance_ratio{});
  EXPECT_EQ(result.stopped_at, std::nullopt);
  EXPECT_TRUE(result.last.warming_up);
  EXPECT_EQ(result.observations, 1U);
}

TEST(replay_test, shows_the_values_of_the_name_that_is_asked_for) {
  const trace records = make_trace({{1, {{"probe_loss", 1.0}, {"clip_score", 2.0}}},
                                    {2, {{"probe_loss", 1.0}}},
                                    {3, {{"probe_loss", 1.0}, {"clip_score", 4.0}}}});
  const auto on_scores = replay(records, step_limit{3}, "clip_score");
  EXPECT_EQ(on_scores.observations, 2U);
  EXPECT_EQ(on_scores.stopped_at, 3U);
  EXPECT_EQ(replay(records, step_limit{2}).stopped_at, 2U);
  EXPECT_EQ(replay(records, step_limit{2}, "loss").observations, 0U);
}

TEST(replay_test, begins_with_a_reset_criterion_and_leaves_the_callers_alone) {
  step_limit rule{3};
  rule.observe(0.0);
  rule.observe(0.0);
  const auto before = save_state(rule);
  EXPECT_EQ(replay(std::vector{1.0, 2.0, 3.0, 4.0}, rule).stopped_at, 3U);
  EXPECT_EQ(save_state(rule), before);
}

TEST(replay_test, tells_the_recorded_step) {
  const trace records = make_trace({{40, {{"probe_loss", 1.0}}}, {80, {{"probe_loss", 1.0}}}});
  EXPECT_EQ(replay(records, any_of{step_limit{50}}).stopped_at, 80U);
}

TEST(replay_test, stops_where_a_monitor_stops_between_evaluations) {
  trace records;
  records.append(1, {{"loss", 2.0}, {"probe_loss", 1.0}});
  records.append(2, {{"loss", std::nan("")}});
  records.append(3, {{"loss", 2.0}, {"probe_loss", 1.0}});
  EXPECT_EQ(replay(records, non_finite{}).stopped_at, 2);
  EXPECT_EQ(replay(records, step_limit{2}).stopped_at, 2);
  const replay_result shown = replay(records, non_finite{}, "loss");
  EXPECT_EQ(shown.observations, 2);
  EXPECT_EQ(shown.reason, "observation 2 is nan");
}

TEST(replay_test, takes_any_range_of_numbers) {
  EXPECT_EQ(replay(std::vector<float>(9, 1.0F), step_limit{4}).stopped_at, 4U);
  EXPECT_EQ(replay(std::list{1, 2, 3, 4, 5}, step_limit{4}).stopped_at, 4U);
}

}  // namespace
}  // namespace dvar
