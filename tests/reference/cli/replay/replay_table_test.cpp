#include "cli/replay/replay_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace dvar::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

/// Returns a rule on a run of 200 steps, with where it stops; 0 where it does not.
replayed_rule replayed(const char* trace, const char* rule, std::size_t stop) {
  replayed_rule made{.trace = trace,
                     .rule = rule,
                     .column = "probe_loss",
                     .result = {},
                     .last_step = 200,
                     .value = {},
                     .recent = {}};
  made.result.observations = 200;
  made.result.reason = "it goes on";
  if (stop != 0) {
    made.result = {.stopped_at = stop,
                   .last = {.stop = true, .rule = "variance_ratio", .statistic = 0.125},
                   .reason = "below 0.15, at last",
                   .observations = stop};
    made.value = 0.123456789;
  }
  return made;
}

/// Returns the median of where a rule stops on runs; 0 for one that it does not stop.
std::optional<double> median_stop(const std::vector<std::size_t>& stops) {
  std::vector<replayed_rule> rows;
  for (const std::size_t stop : stops)
    rows.push_back(replayed("a", "dvar", stop));
  return summaries_of(rows).at("dvar").median;
}

TEST(replay_table_test, a_cell_says_what_the_stop_saves_and_the_value_there) {
  const auto cells =
      cells_of({replayed("a", "dvar", 50), replayed("b", "dvar", 0), replayed("c", "dvar", 200)});
  EXPECT_THAT(cells, ElementsAre(ElementsAre("trace", "rule", "stops at", "of", "saves", "value"),
                                 ElementsAre("a", "dvar", "50", "200", "75 %", "0.123457"),
                                 ElementsAre("b", "dvar", "-", "200", "-", "-"),
                                 ElementsAre("c", "dvar", "200", "200", "0 %", "0.123457")));
}

TEST(replay_table_test, a_summary_counts_traces_and_stops_of_each_rule) {
  const auto summaries =
      summaries_of({replayed("a", "dvar", 50), replayed("a", "hall", 0), replayed("b", "dvar", 70)});
  ASSERT_EQ(summaries.size(), 2u);
  EXPECT_EQ(summaries.at("dvar").traces, 2u);
  EXPECT_EQ(summaries.at("dvar").stops, 2u);
  EXPECT_EQ(summaries.at("dvar").median, 60.0);
  EXPECT_EQ(summaries.at("hall").traces, 1u);
  EXPECT_EQ(summaries.at("hall").stops, 0u);
  EXPECT_EQ(summaries.at("hall").median, std::nullopt);
}

TEST(replay_table_test, a_run_without_a_stop_is_longer_than_all_others) {
  EXPECT_EQ(median_stop({30, 10, 20}), 20.0);
  EXPECT_EQ(median_stop({0, 10, 20}), 20.0);
  EXPECT_EQ(median_stop({0, 10, 0}), std::nullopt);
  EXPECT_EQ(median_stop({40, 10, 0, 20}), 30.0);
  EXPECT_EQ(median_stop({0, 10, 0, 20}), std::nullopt) << "there is no middle between 20 and never";
}

TEST(replay_table_test, one_trace_has_one_table) {
  EXPECT_EQ(
      describe({replayed("a.jsonl", "dvar", 50), replayed("a.jsonl", "steps:250", 0)}, table_form::text),
      "trace    rule       stops at  of   saves  value\n"
      "a.jsonl  dvar       50        200  75 %   0.123457\n"
      "a.jsonl  steps:250  -         200  -      -\n");
}

TEST(replay_table_test, several_traces_have_a_summary_in_the_order_of_the_first) {
  const std::string text = describe({replayed("a", "hall", 0), replayed("a", "dvar", 50),
                                     replayed("b", "hall", 10), replayed("b", "dvar", 71)},
                                    table_form::text);
  EXPECT_THAT(text, HasSubstr("\n\nrule  stops   median step\n"
                              "hall  1 of 2  -\n"
                              "dvar  2 of 2  60.5\n"));
}

TEST(replay_table_test, csv_has_all_of_the_result) {
  EXPECT_EQ(
      describe({replayed("a", "dvar:window=9,threshold=0.15", 50), replayed("b", "dvar", 0)},
               table_form::csv),
      "trace,rule,column,stopped_at,last_step,observations,statistic,value,reason\n"
      "a,\"dvar:window=9,threshold=0.15\",probe_loss,50,200,50,0.125,0.123456789,\"below 0.15, at last\"\n"
      "b,dvar,probe_loss,,200,200,,,it goes on\n");
}

TEST(replay_table_test, json_has_all_of_the_result) {
  const auto list = nlohmann::json::parse(
      describe({replayed("a", "dvar", 50), replayed("b", "dvar", 0)}, table_form::json));
  EXPECT_EQ(list, nlohmann::json::parse(R"([
    {"trace": "a", "rule": "dvar", "column": "probe_loss", "stopped_at": 50, "last_step": 200, "observations": 50,
     "statistic": 0.125, "value": 0.123456789, "reason": "below 0.15, at last"},
    {"trace": "b", "rule": "dvar", "column": "probe_loss", "stopped_at": null, "last_step": 200, "observations": 200,
     "statistic": null, "value": null, "reason": "it goes on"}])"));
}

TEST(replay_table_test, a_mean_is_said_once_for_a_column) {
  std::vector<replayed_rule> rows{replayed("a", "dvar", 50), replayed("a", "hall", 0)};
  for (replayed_rule& row : rows)
    row.recent = {.asked = 16,
                  .found = 16,
                  .error = {.mean = 0.5, .effective_sample_size = 9.25, .standard_error = 0.0125}};
  EXPECT_THAT(
      describe(rows, table_form::text),
      EndsWith("-\n\na: the mean of the last 16 values of probe_loss is 0.5 with a standard error of 0.013, "
               "as sure as that of 9 independent values\n"));
  EXPECT_THAT(describe(rows, table_form::csv),
              AllOf(HasSubstr(",reason,mean,standard_error,effective_sample_size,split_r_hat\n"),
                    EndsWith(",it goes on,0.5,0.0125,9.25,\n")));
  const auto list = nlohmann::json::parse(describe(rows, table_form::json));
  EXPECT_EQ(list[1]["standard_error"], 0.0125);
  EXPECT_TRUE(list[1]["split_r_hat"].is_null());
}

}  // namespace
}  // namespace dvar::cli
