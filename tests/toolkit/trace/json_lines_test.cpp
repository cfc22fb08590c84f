#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/trace/json_lines.hpp>

#include "records.hpp"

namespace dvar {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::string text_of(const trace& records) {
  std::ostringstream out;
  for (const auto& record : records)
    write_json_line(out, record);
  return out.str();
}

trace read(const std::string& text) {
  std::istringstream in(text);
  return read_json_lines(in);
}

TEST(json_lines_test, writes_what_a_record_has) {
  EXPECT_EQ(text_of({{.step = 12, .loss = 0.1, .probe_loss = 1e-9}, {.step = 13}}),
            "{\"step\":12,\"loss\":0.1,\"probe_loss\":1e-09}\n{\"step\":13}\n");
}

TEST(json_lines_test, round_trips_exactly) {
  const auto records = test::varied_records();
  EXPECT_EQ(read(text_of(records)), records);
  EXPECT_EQ(text_of(read(text_of(records))), text_of(records));
}

TEST(json_lines_test, round_trips_nan) {
  EXPECT_EQ(text_of({{.step = 1, .loss = -std::nan("")}}), "{\"step\":1,\"loss\":\"nan\"}\n");
  const auto records = read("{\"step\":1,\"loss\":\"nan\",\"ratio\":\"-inf\"}\n");
  EXPECT_TRUE(std::isnan(records.at(0).loss.value()));
  EXPECT_EQ(records.at(0).ratio, -std::numeric_limits<double>::infinity());
}

TEST(json_lines_test, reads_what_others_write) {
  const trace expected{{.step = 3, .loss = 0.25, .probe_loss = 2.0}};
  EXPECT_EQ(read(" { \"note\" : \"a \\\"b\\\", {c}\" ,\"probe_loss\":2, \"loss\" : "
                 "25e-2,\"ok\":true,\"ratio\":null , "
                 "\"step\":3 } \r\n\n"),
            expected);
}

TEST(json_lines_test, leaves_an_interrupted_last_line_out) {
  const auto whole = text_of({{.step = 1, .loss = 0.5}, {.step = 2, .loss = 0.25}});
  const auto first_line = whole.find('\n') + 1;
  for (std::size_t size = first_line; size + 1 < whole.size(); ++size)
    EXPECT_EQ(read(whole.substr(0, size)).size(), 1U) << size;
  EXPECT_EQ(read(whole.substr(0, whole.size() - 1)).size(), 2U) << "a whole object without its line break";
}

TEST(json_lines_test, names_the_line_that_is_wrong) {
  const std::string good = "{\"step\":1}\n";
  EXPECT_THAT([&] { read(good + "{\"step\":2,\"loss\":}\n"); },
              ThrowsMessage<trace_error>(
                  "trace: line 2: expected a number, a string, true, false or null at column 18, found '}'"));
  EXPECT_THAT([&] { read(good + good + "{\"loss\":2}\n"); },
              ThrowsMessage<trace_error>("trace: line 3: there is no \"step\""));
  EXPECT_THAT([&] { read("{\"step\":1,\"loss\":\"high\"}\n"); },
              ThrowsMessage<trace_error>(
                  "trace: line 1: \"loss\" is high, expected a number, \"nan\", \"inf\", \"-inf\" or null"));
  EXPECT_THAT([&] { read("{\"step\":-1}\n"); },
              ThrowsMessage<trace_error>("trace: line 1: \"step\" is -1, expected a whole number"));
  EXPECT_THAT([&] { read("{\"step\":1} {\n"); },
              ThrowsMessage<trace_error>(HasSubstr("the end of the line")));
  for (const char* const bad :
       {"[]", "{", "{\"step\":1,}", "{\"step\":1.5}", "{\"step\":\"1\"}", "{\"step\":1,\"loss\":nan}",
        "{\"step\":1,\"loss\":1e999}", "{\"step\":1,\"loss\":\"1\"}", "{\"step\":1,\"a\":[1]}",
        "{\"step\":1,\"a", "{\"step\" 1}", "{\"step\":1 \"loss\":2}", "{\"step\":1,\"a\":\"\\"}) {
    EXPECT_THROW(read(std::string(bad) + "\n"), trace_error) << bad;
  }
}

TEST(json_lines_test, truncating_lets_a_resumed_run_append) {
  const auto path = std::filesystem::path(testing::TempDir()) / "dvar_json_lines_test.jsonl";
  const trace records{{.step = 2, .loss = 0.5}, {.step = 4, .loss = 0.25}, {.step = 6, .loss = 0.125}};
  for (const std::size_t last_step : {0, 1, 2, 5, 6, 99}) {
    std::ofstream(path, std::ios::binary) << text_of(records) << "{\"step\":8,\"lo";
    truncate_json_lines(path, last_step);
    std::ofstream(path, std::ios::binary | std::ios::app) << "{\"step\":100}\n";
    std::ifstream in(path);
    auto expected = records;
    std::erase_if(expected, [&](const trace_record& record) { return record.step > last_step; });
    expected.push_back({.step = 100});
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
