#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <suite.hpp>

namespace dvar::stress {
namespace {

using testing::ThrowsMessage;

std::vector<tally> run(const std::vector<kind>& kinds, const std::vector<std::string>& texts,
                       const suite_options& options) {
  return run_suite(kinds, texts, options);
}

std::vector<kind> kinds_named(std::initializer_list<std::string_view> names) {
  std::vector<kind> found;
  for (const kind& each : all_kinds())
    for (const std::string_view name : names)
      if (each.name == name) found.push_back(each);
  return found;
}

void line_without_noise(random_stream&, made_series& made) {
  for (std::size_t i = 0; i < made.observed.size(); ++i)
    made.noiseless[i] = made.observed[i] = 1.0 - 1e-4 * static_cast<double>(i);
}

TEST(suite_test, the_variance_ratio_stops_a_line_where_its_formula_says_and_wrongly) {
  const kind line{"line", "", expectation::falls, line_without_noise};
  const auto tallies = run({line}, {"variance_ratio:window=310,threshold=0.15"}, {.runs = 3});
  ASSERT_EQ(tallies.size(), 1U);
  // The ratio is (N^2 - 1) / (n^2 - 1).
  const auto expected = static_cast<std::size_t>(std::ceil(std::sqrt(1.0 + (310.0 * 310.0 - 1.0) / 0.15)));
  EXPECT_EQ(tallies[0], (tally{.kind = "line",
                               .rule = "variance_ratio:window=310,threshold=0.15",
                               .runs = 3,
                               .stopped = 3,
                               .false_stops = 3,
                               .quartiles = {{expected, expected, expected}}}));
}

TEST(suite_test, with_noise_it_stops_a_line_nearly_there) {
  const auto tallies = run(kinds_named({"line"}), {"dvar:v2"}, {.runs = 200});
  EXPECT_EQ(tallies[0].false_stops, 200U);
  EXPECT_NEAR(static_cast<double>((*tallies[0].quartiles)[1]), 310.0 / std::sqrt(0.15), 16.0);
}

TEST(suite_test, its_counts_depend_neither_on_threads_nor_on_what_else_is_asked_for) {
  const std::vector<kind> all(all_kinds().begin(), all_kinds().end());
  const auto alone = run(all, {"dvar:v2", "patience:patience=50"}, {.runs = 40, .threads = 1});
  EXPECT_EQ(run(all, {"dvar:v2", "patience:patience=50"}, {.runs = 40, .threads = 3}), alone);
  const auto of_one = run(kinds_named({"heavy_tails"}), {"patience:patience=50"}, {.runs = 40});
  EXPECT_THAT(alone, testing::Contains(of_one[0]));
  EXPECT_NE(run(all, {"dvar:v2", "patience:patience=50"}, {.runs = 40, .seed = 2}), alone);
}

TEST(suite_test, a_stop_for_a_nan_is_right_and_a_rule_that_keeps_it_misses_the_rest) {
  const auto tallies = run(kinds_named({"nan_in_the_middle"}), {"non_finite", "dvar:v2,after=700"},
                           {.runs = 100, .length = 1000});
  EXPECT_EQ(tallies[0].stopped, 100U);
  EXPECT_EQ(tallies[0].false_stops + tallies[0].late_stops + tallies[0].missed, 0U);
  EXPECT_EQ(tallies[1].stopped, 0U);
  EXPECT_GT(tallies[1].missed, 40U);
}

TEST(suite_test, of_what_rests_no_stop_is_wrong_and_none_is) {
  const auto tallies = run(kinds_named({"flat"}), {"steps:10", "dvar:v2"}, {.runs = 30});
  EXPECT_EQ(tallies[0].missed, 0U);
  EXPECT_EQ(tallies[0].quartiles, (std::array<std::size_t, 3>{10, 10, 10}));
  EXPECT_EQ(tallies[1].missed, 30U);
  EXPECT_EQ(tallies[1].quartiles, std::nullopt);
}

TEST(suite_test, of_a_walk_stops_are_counted_only) {
  const auto tallies = run(kinds_named({"random_walk"}), {"steps:2", "dvar:v2"}, {.runs = 30});
  for (const tally& each : tallies)
    EXPECT_EQ(each.false_stops + each.late_stops + each.missed, 0U) << each.rule;
  EXPECT_EQ(tallies[0].stopped, 30U);
}

TEST(suite_test, refuses_what_it_cannot_run) {
  EXPECT_THAT([] { run(kinds_named({"line"}), {"dvar:v2"}, {.runs = 0}); },
              ThrowsMessage<std::invalid_argument>(
                  "stress suite: expected at least 1 run, 1 observation and 1 thread"));
  EXPECT_THROW(run(kinds_named({"line"}), {"no_such_rule"}, {}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::stress
