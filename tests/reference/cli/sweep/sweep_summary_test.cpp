#include "cli/sweep/sweep_summary.hpp"

#include <gtest/gtest.h>

#include "made_up_sweep.hpp"

namespace dvar::cli {
namespace {

std::optional<double> measured(const run_record& record, std::string_view key) {
  for (const sweep_measure& measure : sweep_measures())
    if (measure.key == key) return measure.value(record);
  ADD_FAILURE() << "there is no measure " << key;
  return std::nullopt;
}

TEST(sweep_summary_test, a_run_that_is_done_has_its_measures) {
  const run_record scored = done_row("cat", 0, 384, 12.5, similarities{0.25, 0.75}).record;
  EXPECT_EQ(measured(scored, "step"), 384.0);
  EXPECT_EQ(measured(scored, "seconds"), 12.5);
  EXPECT_EQ(measured(scored, "clip_gain"), 0.5);
}

TEST(sweep_summary_test, what_a_run_does_not_have_is_no_number) {
  const run_record unscored = done_row("cat", 0, 384, 12.5).record;
  EXPECT_EQ(measured(unscored, "step"), 384.0);
  EXPECT_EQ(measured(unscored, "clip_gain"), std::nullopt);
  const run_record failed = failed_row("cat", 0, "killed").record;
  for (const sweep_measure& measure : sweep_measures())
    EXPECT_EQ(measure.value(failed), std::nullopt) << measure.key;
}

// numpy.quantile([100, 200, 400, 800], [0.25, 0.5, 0.75]) is [175, 300, 500].
TEST(sweep_summary_test, spreads_over_the_concepts_of_a_setting) {
  const std::vector<sweep_row> rows{done_row("a", 0, 400, 1.0), done_row("b", 0, 100, 1.0),
                                    done_row("c", 0, 800, 1.0), done_row("d", 0, 200, 1.0),
                                    failed_row("e", 0, "killed")};
  const std::vector<setting_summary> summaries = summaries_of(rows, settings_named({"only"}));
  ASSERT_EQ(summaries.size(), 1U);
  EXPECT_EQ(summaries[0].name, "only");
  EXPECT_EQ(summaries[0].runs, 5U);
  EXPECT_EQ(summaries[0].done, 4U);
  ASSERT_EQ(summaries[0].spreads.size(), 3U);
  ASSERT_TRUE(summaries[0].spreads[0]);
  EXPECT_EQ(summaries[0].spreads[0]->low, 175.0);
  EXPECT_EQ(summaries[0].spreads[0]->median, 300.0);
  EXPECT_EQ(summaries[0].spreads[0]->high, 500.0);
  EXPECT_FALSE(summaries[0].spreads[2]) << "nothing is scored";
}

TEST(sweep_summary_test, differs_from_the_first_setting_by_concepts_that_both_have_done) {
  const std::vector<sweep_row> rows{done_row("a", 0, 100, 1.0),     done_row("a", 1, 130, 1.0),
                                    done_row("b", 0, 200, 1.0),     done_row("b", 1, 250, 1.0),
                                    done_row("c", 0, 900, 1.0),     failed_row("c", 1, "killed"),
                                    failed_row("d", 0, "no space"), done_row("d", 1, 5, 1.0)};
  const std::vector<setting_summary> summaries = summaries_of(rows, settings_named({"first", "second"}));
  ASSERT_EQ(summaries.size(), 2U);
  for (const std::optional<paired_difference>& none : summaries[0].differences)
    EXPECT_FALSE(none);
  const std::optional<paired_difference>& steps = summaries[1].differences[0];
  ASSERT_TRUE(steps);
  EXPECT_EQ(steps->pairs, 2U);
  EXPECT_EQ(steps->mean, 40.0);
  ASSERT_TRUE(steps->between);
  EXPECT_EQ(steps->between->low, 30.0);
  EXPECT_EQ(steps->between->high, 50.0);
}

TEST(sweep_summary_test, one_pair_has_no_interval) {
  const std::vector<sweep_row> rows{done_row("a", 0, 100, 1.0), done_row("a", 1, 130, 1.0)};
  const std::vector<setting_summary> summaries = summaries_of(rows, settings_named({"first", "second"}));
  ASSERT_TRUE(summaries[1].differences[0]);
  EXPECT_EQ(summaries[1].differences[0]->mean, 30.0);
  EXPECT_FALSE(summaries[1].differences[0]->between);
  EXPECT_FALSE(summaries[1].differences[2]) << "nothing is scored";
}

}  // namespace
}  // namespace dvar::cli
