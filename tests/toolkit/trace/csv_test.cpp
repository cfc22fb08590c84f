#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/trace/csv.hpp>

#include "records.hpp"

namespace dvar {
namespace {

using test::make_trace;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::string csv_of(const trace& records) {
  std::ostringstream out;
  write_csv(out, records);
  return out.str();
}

trace from_csv(const std::string& text, const std::vector<std::string>& wanted = {}) {
  std::istringstream in(text);
  return read_csv(in, wanted);
}

TEST(csv_test, writes_a_header_and_empty_cells) {
  EXPECT_EQ(
      csv_of(make_trace({{12, {{"ratio", std::nan("")}, {"loss", 0.1}}}}, {"loss", "probe_loss", "ratio"})),
      "step,loss,probe_loss,ratio\n12,0.1,,nan\n");
}

TEST(csv_test, of_a_trace_without_names_is_its_steps) {
  EXPECT_EQ(csv_of({}), "step\n");
  EXPECT_EQ(csv_of(make_trace({{3, {}}, {4, {}}})), "step\n3\n4\n");
  EXPECT_EQ(from_csv("step\n3\n4\n"), make_trace({{3, {}}, {4, {}}}));
}

TEST(csv_test, writes_the_columns_that_are_asked_for_in_their_order) {
  const trace records = make_trace({{1, {{"loss", 0.5}, {"ratio", 0.25}}}});
  std::ostringstream out;
  write_csv_header(out, {"ratio", "clip_score", "loss"});
  write_csv_line(out, records[0], {"ratio", "clip_score", "loss"});
  EXPECT_EQ(out.str(), "step,ratio,clip_score,loss\n1,0.25,,0.5\n");
}

TEST(csv_test, refuses_a_value_without_a_column_and_writes_nothing) {
  trace records = make_trace({{1, {{"loss", 0.5}}}});
  const std::vector<std::string> header = records.names();
  records.add("clip_score", 0.75);
  std::ostringstream out;
  EXPECT_THAT([&] { write_csv_line(out, records[0], header); },
              ThrowsMessage<std::invalid_argument>("write_csv_line: there is no column for \"clip_score\""));
  EXPECT_EQ(out.str(), "");
}

TEST(csv_test, round_trips_exactly) {
  const trace records = test::varied_records();
  EXPECT_EQ(from_csv(csv_of(records)), records);
  EXPECT_EQ(from_csv(csv_of(records)).names(), records.names());
  EXPECT_EQ(csv_of(from_csv(csv_of(records))), csv_of(records));
  const trace not_a_number = from_csv(csv_of(make_trace({{1, {{"loss", std::nan("")}}}})));
  EXPECT_TRUE(std::isnan(not_a_number[0]["loss"].value()));
}

TEST(csv_test, goes_by_the_names_of_the_columns) {
  const trace records = from_csv("probe_loss,step,loss\r\n0.5,3,\r\n\r\n,4,2\r\n");
  EXPECT_EQ(records, make_trace({{3, {{"probe_loss", 0.5}}}, {4, {{"loss", 2.0}}}}));
  EXPECT_THAT(records.names(), ElementsAre("probe_loss", "loss")) << "in the order of the columns";
}

TEST(csv_test, does_not_look_at_columns_of_other_names_than_are_wanted) {
  const std::string text = "probe_loss,seconds,\"a\"\"b\",step\n0.5,ten,\"x\",3\n,,,4\n";
  const trace expected = make_trace({{3, {{"probe_loss", 0.5}}}, {4, {}}});
  EXPECT_EQ(from_csv(text, {"probe_loss", "ratio"}), expected);
  EXPECT_THAT(from_csv(text, {"probe_loss", "ratio"}).names(), ElementsAre("probe_loss"));
  EXPECT_EQ(from_csv("step,loss\n3,1\n", {"step"}), make_trace({{3, {}}}));
  EXPECT_THROW(from_csv(text), trace_error);
}

TEST(csv_test, of_nothing_is_nothing) {
  EXPECT_TRUE(from_csv("").empty());
  EXPECT_TRUE(from_csv("step,loss\n").empty());
  EXPECT_THAT(from_csv("step,loss\n").names(), ElementsAre("loss"));
}

TEST(csv_test, leaves_an_interrupted_last_line_out) {
  const std::string whole =
      csv_of(make_trace({{1, {{"loss", 0.5}}}, {2, {{"ratio", 0.25}}}}, {"loss", "ratio"}));
  for (std::size_t cut = 1; cut < 8; ++cut)
    EXPECT_EQ(from_csv(whole.substr(0, whole.size() - cut)).size(), 1U) << "0.2 is a number too";
  EXPECT_TRUE(from_csv("st").empty()) << "so is a header";
}

TEST(csv_test, reads_what_version_0_1_0_wrote) {
  const std::string text = test::file_text("version_0_1_0.csv");
  const trace records = from_csv(text);
  EXPECT_EQ(records, test::run_of_0_1_0());
  EXPECT_THAT(records.names(), ElementsAre("loss", "gradient_norm", "probe_loss", "rolling_variance",
                                           "total_variance", "ratio"));
  EXPECT_EQ(csv_of(records), text) << "written again, it is the same file";
}

TEST(csv_test, names_the_line_that_is_wrong) {
  EXPECT_THAT([] { from_csv("loss\n"); },
              ThrowsMessage<trace_error>("trace: line 1: there is no column \"step\""));
  EXPECT_THAT([] { from_csv("step,loss\n1\n"); },
              ThrowsMessage<trace_error>("trace: line 2: 1 columns, expected 2"));
  EXPECT_THAT([] { from_csv("step,loss\n1,2\n1,2x\n"); },
              ThrowsMessage<trace_error>("trace: line 3: \"loss\" is \"2x\", expected a number or nothing"));
  EXPECT_THAT([] { from_csv("step,loss\n,2\n"); },
              ThrowsMessage<trace_error>("trace: line 2: \"step\" is \"\", expected a whole number"));
  EXPECT_THAT([] { from_csv("step,\"loss\"\n1,2\n"); },
              ThrowsMessage<trace_error>(HasSubstr("trace: line 1: ")));
  EXPECT_THAT([] { from_csv("step,\n1,2\n"); }, ThrowsMessage<trace_error>(HasSubstr("cannot name a value")));
  EXPECT_THAT([] { from_csv("step,loss,loss\n1,2,\n2,3,4\n"); },
              ThrowsMessage<trace_error>(HasSubstr("step 2 has \"loss\" already")));
}

TEST(csv_test, truncating_lets_a_resumed_run_append) {
  const auto path = std::filesystem::path(testing::TempDir()) / "dvar_csv_test.csv";
  const trace records = make_trace({{2, {{"loss", 0.5}}}, {4, {{"loss", 0.25}}}, {6, {{"loss", 0.125}}}});
  for (const std::size_t last_step : {0, 1, 2, 5, 6, 99}) {
    std::ofstream(path, std::ios::binary) << csv_of(records) << "8,0.0";
    truncate_csv(path, last_step);
    {
      std::ofstream out(path, std::ios::binary | std::ios::app);
      write_csv_line(out, make_trace({{100, {}}})[0], records.names());
    }
    std::ifstream in(path);
    trace expected = test::beginning_of(records, last_step);
    expected.append(100);
    EXPECT_EQ(read_csv(in), expected) << last_step;
  }
  std::filesystem::remove(path);
}

TEST(csv_test, truncating_does_not_look_at_the_values) {
  const auto path = std::filesystem::path(testing::TempDir()) / "dvar_csv_other_test.csv";
  std::ofstream(path, std::ios::binary) << "step,\"note\"\n1,ten\n2,eleven\n";
  truncate_csv(path, 1);
  std::ostringstream left;
  left << std::ifstream(path).rdbuf();
  EXPECT_EQ(left.str(), "step,\"note\"\n1,ten\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace dvar
