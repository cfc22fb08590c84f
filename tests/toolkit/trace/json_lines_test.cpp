#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/trace/json_lines.hpp>

#include "records.hpp"

namespace dvar {
namespace {

using test::make_trace;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::string json_of(const trace& records) {
  std::ostringstream out;
  for (const trace_record& record : records)
    write_json_line(out, record);
  return out.str();
}

trace from_json(const std::string& text, const std::vector<std::string>& wanted = {}) {
  std::istringstream in(text);
  return read_json_lines(in, wanted);
}

TEST(json_lines_test, writes_what_a_record_has) {
  EXPECT_EQ(json_of(make_trace({{12, {{"loss", 0.1}, {"probe_loss", 1e-9}}}, {13, {}}})),
            "{\"step\":12,\"loss\":0.1,\"probe_loss\":1e-09}\n{\"step\":13}\n");
}

TEST(json_lines_test, round_trips_exactly) {
  const trace records = test::varied_records();
  EXPECT_EQ(from_json(json_of(records)), records);
  EXPECT_EQ(json_of(from_json(json_of(records))), json_of(records));
}

TEST(json_lines_test, round_trips_nan) {
  EXPECT_EQ(json_of(make_trace({{1, {{"loss", -std::nan("")}}}})), "{\"step\":1,\"loss\":\"nan\"}\n");
  const trace records = from_json("{\"step\":1,\"loss\":\"nan\",\"ratio\":\"-inf\"}\n");
  EXPECT_TRUE(std::isnan(records[0]["loss"].value()));
  EXPECT_EQ(records[0]["ratio"], -std::numeric_limits<double>::infinity());
}

const std::string of_others =
    " { \"note\" : \"a \\\"b\\\", {c}\" ,\"probe_loss\":2, \"loss\" : "
    "25e-2,\"ok\":true,\"ratio\":null , "
    "\"step\":3 } \r\n\n";

TEST(json_lines_test, reads_what_others_write) {
  EXPECT_EQ(from_json(of_others), make_trace({{3, {{"loss", 0.25}, {"probe_loss", 2.0}}}}));
  EXPECT_THAT(from_json(of_others).names(), ElementsAre("probe_loss", "loss")) << "as they come";
}

TEST(json_lines_test, of_nothing_is_nothing) {
  EXPECT_TRUE(from_json("").empty());
  EXPECT_TRUE(from_json("\n\r\n").empty());
}

TEST(json_lines_test, keeps_the_order_in_which_the_names_came_first) {
  const trace records = from_json("{\"step\":1,\"b\":1}\n{\"a\":2,\"step\":2,\"b\":3}\n");
  EXPECT_THAT(records.names(), ElementsAre("b", "a"));
  EXPECT_EQ(json_of(records), "{\"step\":1,\"b\":1}\n{\"step\":2,\"b\":3,\"a\":2}\n");
}

TEST(json_lines_test, does_not_look_at_members_of_other_names_than_are_wanted) {
  const std::string text = "{\"step\":1,\"loss\":0.5,\"clip_score\":2,\"note,\":7,\"rate\":1e999}\n";
  EXPECT_EQ(from_json(text, {"clip_score", "text_score"}), make_trace({{1, {{"clip_score", 2.0}}}}));
  EXPECT_THROW(from_json(text), trace_error);
  EXPECT_EQ(from_json(of_others, {"ratio"}), make_trace({{3, {}}})) << "null is no value";
}

TEST(json_lines_test, what_is_wanted_is_a_number) {
  for (const char* const value : {"\"high\"", "true", "false"}) {
    const std::string text = "{\"step\":1,\"loss\":" + std::string(value) + "}\n";
    EXPECT_EQ(from_json(text), make_trace({{1, {}}})) << value;
    EXPECT_THAT(
        [&] { from_json(text, {"loss"}); },
        ThrowsMessage<trace_error>(HasSubstr("expected a number, \"nan\", \"inf\", \"-inf\" or null")))
        << value;
  }
}

TEST(json_lines_test, leaves_an_interrupted_last_line_out) {
  const std::string whole = json_of(make_trace({{1, {{"loss", 0.5}}}, {2, {{"loss", 0.25}}}}));
  const auto first_line = whole.find('\n') + 1;
  for (std::size_t size = first_line; size + 1 < whole.size(); ++size)
    EXPECT_EQ(from_json(whole.substr(0, size)).size(), 1U) << size;
  EXPECT_EQ(from_json(whole.substr(0, whole.size() - 1)).size(), 2U)
      << "a whole object without its line break";
}

TEST(json_lines_test, reads_what_version_0_1_0_wrote) {
  const std::string text = test::file_text("version_0_1_0.jsonl");
  trace expected = test::beginning_of(test::run_of_0_1_0(), 4);
  const auto add_scores = [&expected](double clip_score) {
    expected.add("clip_score", clip_score);
    expected.add("clip_diversity", 0.25);
    expected.add("probe_loss_first", 0.125);
  };
  add_scores(0.625);
  for (const trace_record& record : test::run_of_0_1_0())
    if (record.step() > 4) expected.append(record.step(), record);
  add_scores(0.75);

  const trace records = from_json(text);
  EXPECT_THAT(records.names(),
              ElementsAre("loss", "gradient_norm", "probe_loss", "total_variance", "clip_score",
                          "clip_diversity", "text_score", "probe_loss_first", "rolling_variance", "ratio"));
  EXPECT_TRUE(std::isnan(records.back()["text_score"].value()));
  std::vector<std::string> comparable = expected.names();
  EXPECT_EQ(from_json(text, comparable), expected);
  EXPECT_EQ(from_json(json_of(records), comparable), expected);
}

TEST(json_lines_test, names_the_line_that_is_wrong) {
  const std::string good = "{\"step\":1}\n";
  EXPECT_THAT([&] { from_json(good + "{\"step\":2,\"loss\":}\n"); },
              ThrowsMessage<trace_error>(
                  "trace: line 2: expected a number, a string, true, false or null at column 18, found '}'"));
  EXPECT_THAT([&] { from_json(good + good + "{\"loss\":2}\n"); },
              ThrowsMessage<trace_error>("trace: line 3: there is no \"step\""));
  EXPECT_THAT(
      [&] { from_json("{\"step\":1,\"loss\":\"high\"}\n", {"loss"}); },
      ThrowsMessage<trace_error>(
          "trace: line 1: \"loss\" is \"high\", expected a number, \"nan\", \"inf\", \"-inf\" or null"));
  EXPECT_THAT([&] { from_json("{\"step\":-1}\n"); },
              ThrowsMessage<trace_error>("trace: line 1: \"step\" is -1, expected a whole number"));
  EXPECT_THAT([&] { from_json("{\"step\":1} {\n"); },
              ThrowsMessage<trace_error>(HasSubstr("the end of the line")));
  EXPECT_THAT([&] { from_json(good + "{\"step\":2,\"loss\":1,\"loss\":1}\n"); },
              ThrowsMessage<trace_error>(HasSubstr("step 2 has \"loss\" already")));
  EXPECT_THAT([&] { from_json(good + "{\"step\":2,\"lo,ss\":1}\n"); },
              ThrowsMessage<trace_error>(HasSubstr("'lo,ss' cannot name a value")));
  for (const char* const bad :
       {"[]", "{", "{\"step\":1,}", "{\"step\":1.5}", "{\"step\":\"1\"}", "{\"step\":1,\"loss\":nan}",
        "{\"step\":1,\"loss\":1e999}", "{\"step\":1,\"loss\":\"1\"}", "{\"step\":1,\"a\":[1]}",
        "{\"step\":1,\"a", "{\"step\" 1}", "{\"step\":1 \"loss\":2}", "{\"step\":1,\"a\":\"\\"}) {
    EXPECT_THROW(from_json(std::string(bad) + "\n"), trace_error) << bad;
  }
}

TEST(json_lines_test, truncating_lets_a_resumed_run_append) {
  const auto path = std::filesystem::path(testing::TempDir()) / "dvar_json_lines_test.jsonl";
  const trace records = make_trace({{2, {{"loss", 0.5}}}, {4, {{"loss", 0.25}}}, {6, {{"loss", 0.125}}}});
  for (const std::size_t last_step : {0, 1, 2, 5, 6, 99}) {
    std::ofstream(path, std::ios::binary) << json_of(records) << "{\"step\":8,\"lo";
    truncate_json_lines(path, last_step);
    std::ofstream(path, std::ios::binary | std::ios::app) << "{\"step\":100}\n";
    std::ifstream in(path);
    trace expected = test::beginning_of(records, last_step);
    expected.append(100);
    EXPECT_EQ(read_json_lines(in), expected) << last_step;
  }
  std::filesystem::remove(path);
}

TEST(json_lines_test, truncating_a_missing_file_is_an_error) {
  EXPECT_THAT([] { truncate_json_lines("/no/such/trace.jsonl", 1); },
              ThrowsMessage<trace_error>("trace: cannot open /no/such/trace.jsonl"));
}

}  // namespace
}  // namespace dvar
