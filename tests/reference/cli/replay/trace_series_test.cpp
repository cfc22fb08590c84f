#include "cli/replay/trace_series.hpp"

#include <cmath>

#include "../../files.hpp"
#include "../refusal_of.hpp"

namespace dvar::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Pair;

trace_series series_in(std::string_view text, const std::string& column = "probe_loss",
                       const char* name = "trace.jsonl") {
  const std::filesystem::path file = test::new_directory() / name;
  test::put(file, text);
  return read_series(file, column);
}

std::string series_refusal(std::string_view text, const std::string& column = "probe_loss",
                           const char* name = "trace.jsonl") {
  return refusal_of([&] { series_in(text, column, name); });
}

/// Returns the steps that have a value of the column, with the value.
std::vector<std::pair<std::size_t, double>> column_values(const trace_series& series,
                                                          const std::string& column) {
  std::vector<std::pair<std::size_t, double>> values;
  for (const trace_record& record : series.records)
    if (const auto value = record[column]) values.emplace_back(record.step(), *value);
  return values;
}

constexpr std::string_view run_in_lines = R"({"step":1,"loss":0.5,"probe_loss":0.25}
{"step":2,"loss":0.4}
{"step":3,"loss":0.3,"probe_loss":0.125,"note":"good"}
{"step":7,"loss":0.2,"probe_loss":null}
)";
constexpr std::string_view run_in_csv = "step,loss,probe_loss\n1,0.5,0.25\n2,0.4,\n3,0.3,0.125\n7,0.2,\n";

TEST(trace_series_test, a_column_of_json_lines) {
  const trace_series series = series_in(run_in_lines);
  EXPECT_THAT(column_values(series, "probe_loss"), ElementsAre(Pair(1, 0.25), Pair(3, 0.125)));
  EXPECT_EQ(series.last_step, 7u) << "of the trace, whatever has values there";
  EXPECT_THAT(series.records.names(), ElementsAre("probe_loss"));
  EXPECT_THAT(column_values(series_in(run_in_lines, "loss"), "loss"),
              ElementsAre(Pair(1, 0.5), Pair(2, 0.4), Pair(3, 0.3), Pair(7, 0.2)));
}

TEST(trace_series_test, a_column_of_csv_whatever_its_name) {
  const trace_series series = series_in(run_in_csv, "probe_loss", "trace.csv");
  EXPECT_THAT(column_values(series, "probe_loss"), ElementsAre(Pair(1, 0.25), Pair(3, 0.125)));
  EXPECT_EQ(series.last_step, 7u);
  EXPECT_THAT(column_values(series_in("loss,step\n0.5,7\n", "loss", "trace.csv"), "loss"),
              ElementsAre(Pair(7, 0.5)));
  EXPECT_EQ(column_values(series_in(run_in_csv, "probe_loss", "trace.txt"), "probe_loss"),
            column_values(series, "probe_loss"));
}

TEST(trace_series_test, the_column_that_is_clear_from_the_log) {
  EXPECT_EQ(series_in(run_in_lines, "").column, "probe_loss");
  const trace_series exported = series_in("Wall time,Step,Value\n17.5,0,0.5\n17.6,20,0.25\n", "", "tb.csv");
  EXPECT_EQ(exported.column, "Value");
  EXPECT_THAT(column_values(exported, "Value"), ElementsAre(Pair(0, 0.5), Pair(20, 0.25)));
  EXPECT_THAT(series_refusal("epoch,loss,val_loss\n0,1,2\n", "", "keras.csv"),
              EndsWith("keras.csv: expected values of probe_loss, or a single column, found loss, val_loss"));
}

TEST(trace_series_test, what_is_not_finite_is_a_value) {
  const auto json = series_in("{\"step\":1,\"probe_loss\":\"nan\"}\n{\"step\":2,\"probe_loss\":\"-inf\"}\n");
  ASSERT_EQ(column_values(json, "probe_loss").size(), 2u);
  EXPECT_TRUE(std::isnan(*json.records.front()["probe_loss"]));
  EXPECT_EQ(json.records.back()["probe_loss"], -INFINITY);
  EXPECT_EQ(series_in("step,loss\n1,inf\n", "loss", "trace.csv").records.back()["loss"], INFINITY);
}

TEST(trace_series_test, refuses_a_trace_without_values_of_the_column) {
  for (const auto& [text, name] :
       {std::pair{run_in_lines, "trace.jsonl"}, std::pair{run_in_csv, "trace.csv"}})
    EXPECT_THAT(series_refusal(text, "clip_score", name),
                EndsWith(std::string(name) + ": expected values of clip_score, found only loss, probe_loss"));
  EXPECT_THAT(series_refusal(""), EndsWith("expected values of probe_loss, found no column of numbers"));
  EXPECT_THAT(series_refusal("step,probe_loss\n1,\n", "probe_loss", "trace.csv"),
              HasSubstr("found no column of numbers"));
}

TEST(trace_series_test, refuses_a_broken_line_and_says_which) {
  EXPECT_THAT(
      series_refusal("{\"step\":1,\"probe_loss\":1}\n{\"step\":2,\"probe\n{\"step\":3,\"probe_loss\":1}\n"),
      HasSubstr("trace.jsonl: trace: line 2: "));
  EXPECT_THAT(series_refusal("{\"step\":1,\"probe_loss\":true}\n"),
              HasSubstr("line 1: \"probe_loss\" is true, expected a number"));
  EXPECT_THAT(series_refusal("{\"probe_loss\":1}\n"), HasSubstr("line 1: there is no \"step\""));
  EXPECT_THAT(series_refusal("step,loss\n1,0.5\n2,0.5,0.5\n", "loss", "trace.csv"),
              HasSubstr("trace.csv: trace: line 3: 3 columns, expected 2"));
  EXPECT_THAT(series_refusal("step,loss\n1,half\n", "loss", "trace.csv"),
              HasSubstr("line 2: \"loss\" is \"half\", expected a number"));
  EXPECT_THAT(series_refusal("loss\n0.5\n", "loss", "trace.csv"),
              HasSubstr("expected a column of steps, one of step, "));
}

TEST(trace_series_test, passes_over_a_last_line_that_is_cut_off) {
  const trace_series json = series_in("{\"step\":1,\"probe_loss\":0.5}\n{\"step\":2,\"probe_lo");
  EXPECT_THAT(column_values(json, "probe_loss"), ElementsAre(Pair(1, 0.5)));
  EXPECT_EQ(json.last_step, 1u);
  const trace_series csv = series_in("step,loss\n1,0.5\n2,0.2", "loss", "trace.csv");
  EXPECT_THAT(column_values(csv, "loss"), ElementsAre(Pair(1, 0.5))) << "0.2 may have been 0.25";
  EXPECT_EQ(csv.last_step, 1u);
}

TEST(trace_series_test, refuses_what_is_no_file) {
  const std::filesystem::path folder = test::new_directory();
  const auto refusal_at = [](const std::filesystem::path& file) {
    return refusal_of([&] { read_series(file, "loss"); });
  };
  EXPECT_EQ(refusal_at(folder / "none.csv"),
            (folder / "none.csv").string() + ": expected a trace, found nothing");
  EXPECT_EQ(refusal_at(folder), folder.string() + ": expected event files in the folder, found none");
}

}  // namespace
}  // namespace dvar::cli
