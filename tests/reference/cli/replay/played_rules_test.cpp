#include "cli/replay/played_rules.hpp"

#include <cmath>
#include <sstream>

#include <dvar/catalog/make_criterion.hpp>
#include <dvar/trace/json_lines.hpp>

#include "../../files.hpp"
#include "../refusal_of.hpp"
#include "cli/replay/trace_series.hpp"

namespace dvar::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<played_rule> rules_of(std::string_view text, const std::string& column = "") {
  std::vector<played_rule> rules;
  for (const grid_rule& rule : expand_rule(text, "--stop").rules)
    rules.push_back(make_played_rule(rule, column));
  return rules;
}

played_rule rule_of(std::string_view text, const std::string& column = "") {
  return rules_of(text, column).front();
}

/// Returns whether a rule is the one that a text describes: the same bytes.
bool is_rule(const played_rule& rule, std::string_view text) {
  return save_state(rule.criterion) == save_state(make_criterion(text));
}

/// Returns a run whose probe loss is measured at every third step and falls in waves, and whose score rises.
trace falling_run() {
  trace run;
  for (std::size_t step = 1; step <= 600; ++step) {
    const auto t = static_cast<double>(step);
    run.append(step, {{"loss", 1.0 / t}});
    if (step % 3 == 0) run.add("probe_loss", 0.2 + std::exp(-t / 60.0) + 0.01 * std::sin(t));
    if (step % 50 == 0) run.add("clip_score", t < 310.0 ? t / 400.0 : 0.75);
  }
  return run;
}

void put_trace(const std::filesystem::path& file, const trace& run) {
  std::ostringstream lines;
  for (const trace_record& record : run)
    write_json_line(lines, record);
  test::put(file, lines.str());
}

std::filesystem::path trace_file_of(const trace& run) {
  std::filesystem::path file = test::new_directory() / "trace.jsonl";
  put_trace(file, run);
  return file;
}

/// Plays a grid on a trace, as for the table: a grid of ratios in one pass a window.
std::vector<replayed_rule> play(std::string_view text, const std::filesystem::path& file) {
  return play_all({file}, {rules_of(text)}, false);
}

/// Plays each rule of a grid on a trace by itself.
std::vector<replayed_rule> play_singly(std::string_view text, const std::filesystem::path& file) {
  return play_all({file}, {rules_of(text)}, true);
}

void expect_same_stops(const std::vector<replayed_rule>& rows, const std::vector<replayed_rule>& expected) {
  ASSERT_EQ(rows.size(), expected.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].rule, expected[i].rule);
    EXPECT_EQ(rows[i].result.stopped_at, expected[i].result.stopped_at) << rows[i].rule;
    EXPECT_EQ(rows[i].value, expected[i].value) << rows[i].rule;
    EXPECT_EQ(rows[i].last_step, expected[i].last_step);
  }
}

std::size_t number_of_stops(const std::vector<replayed_rule>& rows) {
  return static_cast<std::size_t>(
      std::ranges::count_if(rows, [](const auto& row) { return row.result.stopped_at.has_value(); }));
}

TEST(played_rules_test, watches_what_the_rule_of_a_run_would_watch) {
  for (const char* const text : {"dvar", "dvar&slope_test", "steps:9"})
    EXPECT_EQ(rule_of(text).column, "") << text << ": the log's own";
  EXPECT_EQ(rule_of("clip").column, "clip_score");
  EXPECT_EQ(rule_of("clip_s:patience=2").column, "clip_score");
  EXPECT_EQ(rule_of("clip", "loss").column, "loss");
  EXPECT_EQ(rule_of("dvar", "loss").column, "loss");
}

TEST(played_rules_test, is_the_rule_of_the_text) {
  const played_rule rule = rule_of("patience:patience=7,min_delta=0.1");
  EXPECT_EQ(rule.text, "patience:patience=7,min_delta=0.1");
  EXPECT_TRUE(is_rule(rule, rule.text));
  EXPECT_TRUE(is_rule(rule_of("dvar:v1&steps:9"), "variance_ratio:v1&step_limit:9"));
  const played_rule clip = rule_of("clip:every=7,patience=2");
  EXPECT_EQ(clip.text, "clip:every=7,patience=2");
  EXPECT_TRUE(is_rule(clip, "clip_s:patience=2")) << "how often samples are scored is the run's";
}

TEST(played_rules_test, knows_a_variance_ratio_that_stands_alone) {
  const auto ratio = rule_of("variance_ratio:v1,threshold=0.2,non_finite=skip").ratio;
  ASSERT_TRUE(ratio);
  EXPECT_EQ(ratio->window, 282u);
  EXPECT_EQ(ratio->threshold, 0.2);
  EXPECT_EQ(ratio->non_finite, non_finite_policy::skip);
  EXPECT_TRUE(rule_of("dvar").ratio);
}

TEST(played_rules_test, a_rule_in_a_combinator_is_no_plain_ratio) {
  for (const char* const text : {"dvar:despiked=3", "dvar:every=2", "dvar:consecutive=2", "dvar:v1,after=100",
                                 "dvar&dvar:v1", "dvar&steps:9", "patience", "steps:9"})
    EXPECT_FALSE(rule_of(text).ratio) << text;
}

TEST(played_rules_test, refuses_a_limit_on_time) {
  const auto refusal = [](std::string_view text) { return refusal_of([&] { rule_of(text); }); };
  EXPECT_EQ(refusal("wall_clock_limit:seconds=5"),
            "--stop wall_clock_limit:seconds=5: a trace does not say how long its steps took");
  EXPECT_THAT(refusal("dvar&wall_clock_limit:5"), HasSubstr("how long its steps took"));
}

TEST(played_rules_test, refuses_what_a_run_would_refuse) {
  const auto refusal = [](std::string_view text) { return refusal_of([&] { rule_of(text); }); };
  EXPECT_THAT(refusal("dvarr"),
              AllOf(StartsWith("--stop "), HasSubstr("there is no rule 'dvarr' (did you mean 'dvar'?)")));
  EXPECT_THAT(refusal("dvar:window=1"),
              AllOf(StartsWith("--stop "), HasSubstr("variance_ratio: window must be at least 2, not 1")));
  EXPECT_THAT(refusal("dvar&clip"), HasSubstr("--stop dvar&clip: rules on scores cannot be joined"));
}

TEST(played_rules_test, a_grid_of_ratios_stops_where_each_of_them_does) {
  const auto file = trace_file_of(falling_run());
  const std::string_view grid = "dvar:window=10:60:10,threshold=0.0001/0.01/0.05/0.2/0.5";
  const auto rows = play(grid, file);
  ASSERT_EQ(rows.size(), 30u);
  EXPECT_GT(number_of_stops(rows), 5u);
  EXPECT_LT(number_of_stops(rows), 30u);
  expect_same_stops(rows, play_singly(grid, file));
  expect_same_stops(play("dvar:window=9/9,threshold=0.3/0.3", file),
                    play_singly("dvar:window=9/9,threshold=0.3/0.3", file));
}

TEST(played_rules_test, a_grid_of_ratios_does_what_is_asked_for_with_what_is_not_finite) {
  trace run = falling_run();
  run.append(603, {{"probe_loss", std::nan("")}});
  for (std::size_t step = 606; step <= 900; step += 3)
    run.append(step, {{"probe_loss", 0.2}});
  const auto file = trace_file_of(run);
  for (const std::string_view grid : {"dvar:window=90/120,threshold=0.001/0.002,non_finite=keep",
                                      "dvar:window=90/120,threshold=0.001/0.002,non_finite=skip",
                                      "dvar:window=90/120,threshold=0.001/0.002,non_finite=keep/skip"})
    expect_same_stops(play(grid, file), play_singly(grid, file));
  EXPECT_NE(number_of_stops(play("dvar:window=90,threshold=0.001,non_finite=keep", file)),
            number_of_stops(play("dvar:window=90,threshold=0.001,non_finite=skip", file)));
}

TEST(played_rules_test, combinators_of_a_grid_have_their_effect) {
  const auto file = trace_file_of(falling_run());
  const auto plain = play("dvar:window=20,threshold=0.2", file);
  const std::size_t stop = plain.front().result.stopped_at.value();
  const std::string_view grid = "dvar:window=20,threshold=0.2,after=1/400/500";
  const auto rows = play(grid, file);
  EXPECT_EQ(rows[0].result.stopped_at, stop);
  EXPECT_LT(stop, 400u);
  EXPECT_GE(rows[1].result.stopped_at.value(), 400u);
  EXPECT_GE(rows[2].result.stopped_at.value(), 500u);
  expect_same_stops(rows, play_singly(grid, file));
}

TEST(played_rules_test, the_value_is_that_of_the_stop) {
  const trace run = falling_run();
  const auto file = trace_file_of(run);
  for (const bool whole : {false, true}) {
    const auto rows = play_all({file},
                               {rules_of("dvar:window=20,threshold=0.2"), rules_of("clip:patience=3"),
                                rules_of("steps:451"), rules_of("steps:9", "loss"), rules_of("steps:700")},
                               whole);
    ASSERT_EQ(rows.size(), 5u);
    const std::size_t stop = rows[0].result.stopped_at.value();
    EXPECT_EQ(rows[0].value, run[stop - 1]["probe_loss"]);
    EXPECT_EQ(rows[1].result.stopped_at, 450u);
    EXPECT_EQ(rows[1].value, 0.75);
    EXPECT_EQ(rows[1].column, "clip_score");
    EXPECT_EQ(rows[2].result.stopped_at, 451u) << "a limit holds at every step";
    EXPECT_EQ(rows[2].value, std::nullopt) << "which has no probe loss";
    EXPECT_EQ(rows[3].result.stopped_at, 9u);
    EXPECT_EQ(rows[3].value, 1.0 / 9.0);
    EXPECT_EQ(rows[4].result.stopped_at, std::nullopt);
    EXPECT_EQ(rows[4].value, std::nullopt);
  }
}

TEST(played_rules_test, whole_results_say_why) {
  const auto file = trace_file_of(falling_run());
  const auto rows = play_singly("dvar:window=20,threshold=0.2", file);
  EXPECT_EQ(rows.front().result.observations, *rows.front().result.stopped_at / 3);
  EXPECT_LT(rows.front().result.last.statistic.value(), 0.2);
  EXPECT_THAT(rows.front().result.reason, HasSubstr("0.2"));
}

TEST(played_rules_test, plays_trace_after_trace) {
  trace flat;
  for (std::size_t step = 1; step <= 10; ++step)
    flat.append(step, {{"probe_loss", 1.0}});
  const std::filesystem::path folder = test::new_directory();
  put_trace(folder / "falling.jsonl", falling_run());
  put_trace(folder / "flat.jsonl", flat);
  const auto rows = play_all({folder / "falling.jsonl", folder / "flat.jsonl"},
                             {rules_of("dvar:v1"), rules_of("steps:7/8")}, false);
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[0].trace, (folder / "falling.jsonl").string());
  EXPECT_EQ(rows[0].last_step, 600u);
  EXPECT_EQ(rows[2].rule, "steps:8");
  EXPECT_EQ(rows[3].trace, (folder / "flat.jsonl").string());
  EXPECT_EQ(rows[3].rule, "dvar:v1");
  EXPECT_EQ(rows[3].last_step, 10u);
  EXPECT_EQ(rows[5].result.stopped_at, 8u);
}

TEST(played_rules_test, refuses_a_trace_without_the_column) {
  const auto file = trace_file_of(falling_run());
  EXPECT_EQ(refusal_of([&] { play_all({file}, {rules_of("dvar", "accuracy")}, false); }),
            file.string() + ": expected values of accuracy, found only loss, probe_loss, clip_score");
}

TEST(played_rules_test, count_records_in_a_window_where_they_are_told_to) {
  const std::filesystem::path file = trace_file_of(falling_run());
  played_rule by_records = rule_of("dvar:window=91,threshold=0.5");
  by_records.counts_records = true;
  for (const bool whole : {false, true}) {
    const std::vector<replayed_rule> rows = play_all(
        {file},
        {{by_records}, {rule_of("dvar:window=30,threshold=0.5")}, {rule_of("dvar:window=91,threshold=0.5")}},
        whole);
    ASSERT_EQ(rows.size(), 3u);
    ASSERT_TRUE(rows[0].result.stopped_at.has_value());
    EXPECT_EQ(rows[0].result.stopped_at, rows[1].result.stopped_at);
    EXPECT_NE(rows[0].result.stopped_at, rows[2].result.stopped_at);
  }
}

TEST(played_rules_test, of_a_trace_with_every_value_count_the_same_either_way) {
  trace every;
  for (std::size_t step = 1; step <= 300; ++step)
    every.append(step, {{"probe_loss", std::exp(-static_cast<double>(step) / 30.0)}});
  played_rule by_records = rule_of("dvar:window=90,threshold=0.5");
  by_records.counts_records = true;
  const std::vector<replayed_rule> rows =
      play_all({trace_file_of(every)}, {{by_records}, {rule_of("dvar:window=90,threshold=0.5")}}, true);
  ASSERT_TRUE(rows[0].result.stopped_at.has_value());
  EXPECT_EQ(rows[0].result.stopped_at, rows[1].result.stopped_at);
}

}  // namespace
}  // namespace dvar::cli
