#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/slope_test.hpp>
#include <dvar/trace/json_lines.hpp>
#include <dvar/trace/log.hpp>
#include <dvar/trace/replay.hpp>

#include "records.hpp"

namespace dvar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::ThrowsMessage;

logged_column log_of(const std::string& text, std::string_view column = {}) {
  std::istringstream in(text);
  return read_log(in, column);
}

std::vector<std::pair<std::size_t, double>> values_of(const logged_column& log) {
  std::vector<std::pair<std::size_t, double>> values;
  for (const trace_record& record : log.records)
    if (const auto value = record[log.name]) values.emplace_back(record.step(), *value);
  return values;
}

void refuses(const std::string& text, std::string_view column, const std::string& message) {
  EXPECT_THAT([&] { log_of(text, column); }, ThrowsMessage<trace_error>(HasSubstr(message))) << text;
}

std::string bytes_of(std::string_view hexadecimal) {
  std::string bytes;
  for (std::size_t i = 0; i < hexadecimal.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hexadecimal.substr(i, 2)), nullptr, 16));
  return bytes;
}

// The file of
//   w = torch.utils.tensorboard.SummaryWriter(d); [w.add_scalar("loss", 1 / s, s) for s in (1, 2, 4)]; w.close()
// with torch 2.13 and tensorboard 2.21.
const std::string events = bytes_of(
    "4800000000000000fe92489d0967b1542558c3da411a0d627261696e2e4576656e743a32522e0a2c74656e736f72626f6172642e73756d6d6172"
    "792e7772697465722e6576656e745f66696c655f7772697465727c71a12b1a00000000000000129bd82d09e6b8542558c3da4110012a0d0a0b0a"
    "046c6f7373150000803f68f99a901a00000000000000129bd82d0928b9542558c3da4110022a0d0a0b0a046c6f7373150000003ff55309cf1a00"
    "000000000000129bd82d0946b9542558c3da4110042a0d0a0b0a046c6f7373150000803ee7cf10f3");

TEST(log_test, tensorboards_events) {
  const logged_column log = log_of(events);
  EXPECT_EQ(log.name, "loss");
  EXPECT_THAT(values_of(log), ElementsAre(Pair(1, 1.0), Pair(2, 0.5), Pair(4, 0.25)));
  EXPECT_THAT(log.columns, ElementsAre("loss"));
}

TEST(log_test, events_that_are_cut_off_have_the_records_before) {
  const std::size_t record = 42;  // 8 + 4 bytes, 26 of the message, and 4
  for (std::size_t size = events.size() - record; size < events.size(); ++size)
    EXPECT_THAT(values_of(log_of(events.substr(0, size))), ElementsAre(Pair(1, 1.0), Pair(2, 0.5))) << size;
}

TEST(log_test, every_damaged_bit_of_events_is_noticed) {
  const std::size_t begin = events.size() - 42;
  for (std::size_t bit = 8 * begin; bit < 8 * events.size(); ++bit) {
    std::string damaged = events;
    damaged[bit / 8] = static_cast<char>(static_cast<unsigned char>(damaged[bit / 8]) ^ (1U << (bit % 8)));
    EXPECT_THROW(log_of(damaged), trace_error) << bit;
  }
}

TEST(log_test, a_trace_of_ours_in_both_forms) {
  const std::string lines =
      "{\"step\":1,\"loss\":0.5,\"probe_loss\":0.25}\n{\"step\":2,\"loss\":0.4}\n{\"step\":7,\"probe_loss\":\"nan\"}\n";
  const std::string table = "step,loss,probe_loss\n1,0.5,0.25\n2,0.4,\n7,,nan\n";
  for (const std::string& text : {lines, table}) {
    const logged_column log = log_of(text);
    EXPECT_EQ(log.name, "probe_loss");
    EXPECT_EQ(log.records.size(), 3U) << "a rule is told of every step";
    EXPECT_EQ(log.records.front()["probe_loss"], 0.25);
    EXPECT_TRUE(std::isnan(log.records.back()["probe_loss"].value()));
    EXPECT_THAT(log.columns, ElementsAre("loss", "probe_loss"));
    EXPECT_THAT(values_of(log_of(text, "loss")), ElementsAre(Pair(1, 0.5), Pair(2, 0.4)));
  }
}

TEST(log_test, a_trace_reads_as_its_own_reader_does) {
  const std::string text = test::file_text("version_0_1_0.jsonl");
  std::istringstream in(text);
  const trace whole = read_json_lines(in);
  ASSERT_FALSE(whole.empty());
  for (const std::string& name : whole.names()) {
    const logged_column log = log_of(text, name);
    ASSERT_EQ(log.records.size(), whole.size()) << name;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      EXPECT_EQ(log.records[i].step(), whole[i].step());
      EXPECT_EQ(log.records[i][name].has_value(), whole[i][name].has_value()) << name;
    }
  }
}

TEST(log_test, names_of_steps_in_their_order) {
  EXPECT_THAT(values_of(log_of("epoch,Step,loss\n0,5,1\n0,6,2\n", "loss")),
              ElementsAre(Pair(5, 1.0), Pair(6, 2.0)));
  EXPECT_THAT(values_of(log_of("epoch,loss\n0,1\n1,2\n")), ElementsAre(Pair(0, 1.0), Pair(1, 2.0)));
  EXPECT_THAT(values_of(log_of("{\"_step\":3,\"_runtime\":1,\"loss\":1}\n")), ElementsAre(Pair(3, 1.0)));
  EXPECT_THAT(values_of(log_of("epoch,step,loss\n0,1,7\n", "epoch")), ElementsAre(Pair(1, 0.0)))
      << "who asks for it gets it";
  EXPECT_THAT(values_of(log_of("{\"step\":1,\"loss\":1}\n{\"epoch\":9,\"acc\":2}\n", "loss")),
              ElementsAre(Pair(1, 1.0)))
      << "steps and epochs do not mix";
  refuses("{\"step\":1,\"loss\":1}\n{\"epoch\":9,\"loss\":2}\n", "loss", "line 2: there is no \"step\"");
}

TEST(log_test, json_of_any_shape) {
  const std::string history =
      "{\n  \"global_step\": 9,\n  \"log_history\": [\n    {\"step\": 2, \"loss\": 0.5},\n    {\"step\": 2, \"eval_loss\": 0.7},\n"
      "    {\"step\": 4, \"loss\": NaN}\n  ],\n  \"max_steps\": 9\n}\n";
  EXPECT_THAT(log_of(history, "loss").columns, ElementsAre("loss", "eval_loss"));
  EXPECT_TRUE(std::isnan(log_of(history, "loss").records.back()["loss"].value()));
  EXPECT_THAT(values_of(log_of(history, "eval_loss")), ElementsAre(Pair(2, 0.7)));
  EXPECT_THAT(values_of(log_of("[{\"step\":1,\"loss\":1},{\"step\":2,\"loss\":2}]")),
              ElementsAre(Pair(1, 1.0), Pair(2, 2.0)));
  EXPECT_THAT(values_of(log_of("{\"step\":1,\"a\":{\"b\":{\"c\":3}},\"list\":[1,{\"d\":[]}]}\n")),
              ElementsAre(Pair(1, 3.0)));
  EXPECT_EQ(log_of("{\"step\":1,\"a\":{\"b\":3}}\n").name, "a/b");
  std::string deep = "{\"step\":1,\"loss\":2,\"x\":";
  deep.append(100000, '[').append(100000, ']').append("}\n");
  EXPECT_THAT(values_of(log_of(deep)), ElementsAre(Pair(1, 2.0)));
}

TEST(log_test, csv_of_any_hand) {
  EXPECT_THAT(values_of(log_of("\"Step\",\"a, \"\"b\"\"\",\"c\"\n\"1\",\"2\",\"3\"\n", "c")),
              ElementsAre(Pair(1, 3.0)));
  EXPECT_THAT(values_of(log_of("\xEF\xBB\xBFstep;loss\r\n1;0.5\r\n")), ElementsAre(Pair(1, 0.5)));
  EXPECT_THAT(values_of(log_of("step\tloss\n1\t0.5\n2\tNA\n3.0\t\n")), ElementsAre(Pair(1, 0.5)));
  EXPECT_EQ(log_of("step\tloss\n1\t0.5\n2\tNA\n3.0\t\n").records.back().step(), 3U);
}

TEST(log_test, several_lines_of_a_step) {
  EXPECT_THAT(values_of(log_of("step,loss,val\n1,2,\n3,1,\n3,,8\n3,1,\n", "loss")),
              ElementsAre(Pair(1, 2.0), Pair(3, 1.0)));
  refuses("step,loss\n1,2\n3,1\n3,5\n", "loss", "step 3 has two values of loss: 1 and 5");
  EXPECT_THAT(values_of(log_of("step,loss,val\n3,1,8\n3,5,8\n", "val")), ElementsAre(Pair(3, 8.0)))
      << "what others say is nobody's business";
}

TEST(log_test, steps_that_fall) {
  refuses("step,loss\n5,1\n4,2\n", "loss", "expected steps that rise, found 4 behind 5");
  refuses("{\"step\":5,\"loss\":1}\n{\"step\":4,\"loss\":2}\n", "",
          "expected steps that rise, found 4 behind 5");
  EXPECT_THAT(values_of(log_of("step,loss,val\n1,1,\n5,2,\n4,,8\n6,3,\n", "loss")),
              ElementsAre(Pair(1, 1.0), Pair(5, 2.0), Pair(6, 3.0)));
  // A writer of events may give one tag after the other.
  EXPECT_THAT(values_of(log_of(events.substr(0, 88) + events.substr(172) + events.substr(88, 84))),
              ElementsAre(Pair(1, 1.0), Pair(2, 0.5), Pair(4, 0.25)));
}

TEST(log_test, an_interrupted_end_is_left_out) {
  EXPECT_THAT(values_of(log_of("step,loss\n1,0.5\n2,0.2")), ElementsAre(Pair(1, 0.5)));
  EXPECT_THAT(values_of(log_of("{\"step\":1,\"loss\":1}\n{\"step\":2,\"lo")), ElementsAre(Pair(1, 1.0)));
  EXPECT_THAT(values_of(log_of("{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":3}")),
              ElementsAre(Pair(1, 1.0), Pair(2, 3.0)))
      << "a whole object without its line break";
}

TEST(log_test, says_what_is_wrong_and_what_there_is) {
  refuses("step,loss,acc\n1,1,2\n", "clip", "expected values of clip, found only loss, acc");
  refuses("step,loss,acc\n1,1,2\n", "", "expected values of probe_loss, or a single column, found loss, acc");
  refuses("step,note\n1,hello\n", "", "found no column of numbers");
  refuses("", "loss", "expected values of loss, found no column of numbers");
  refuses("loss\n1\n", "loss", "expected a column of steps, one of step, global_step, ");
  refuses("step,loss\n1,half\n", "loss", "line 2: \"loss\" is \"half\", expected a number or nothing");
  refuses("step,loss\n1,2,3\n", "loss", "line 2: 3 columns, expected 2");
  refuses("step,loss\n-1,2\n", "loss", "line 2: \"step\" is \"-1\", expected a whole number");
  refuses("{\"step\":1,\"loss\":true}\n", "loss", "line 1: \"loss\" is true, expected a number or null");
  refuses("{\"step\":1.5,\"loss\":1}\n", "loss", "line 1: \"step\" is 1.5, expected a whole number");
  refuses("{\"step\":1}\n\n{\"step\":2]}\n", "loss", "line 3: expected ");
  refuses("[{\"step\":1,\"loss\":1},\n {\"step\":2,\"loss\" 1}]", "loss",
          "line 2: expected ':' at column 19, found '1'");
}

TEST(log_test, files_and_folders) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "log_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  EXPECT_THAT([&] { read_log(folder); }, ThrowsMessage<trace_error>(HasSubstr("expected event files")));
  EXPECT_THAT([&] { read_log(folder / "none"); }, ThrowsMessage<trace_error>(HasSubstr("cannot be opened")));
  std::ofstream(folder / "events.out.tfevents.1", std::ios::binary) << events;
  EXPECT_THAT(values_of(read_log(folder)), ElementsAre(Pair(1, 1.0), Pair(2, 0.5), Pair(4, 0.25)));
}

TEST(log_test, a_rule_is_shown_the_column) {
  std::string text = "Wall time,Step,Value\n";
  for (int step = 0; step < 500; ++step)
    text += "0," + std::to_string(step) + "," + std::to_string(std::exp(-step / 20.0)) + "\n";
  const logged_column log = log_of(text);
  const replay_result result = replay(log.records, slope_test{}, log.name);
  EXPECT_GT(result.observations, 20U);
}

}  // namespace
}  // namespace dvar
