#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/trace/csv.hpp>

#include "records.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

std::string text_of(const trace& records) {
  std::ostringstream out;
  write_csv_header(out);
  for (const auto& record : records)
    write_csv_line(out, record);
  return out.str();
}

trace read(const std::string& text) {
  std::istringstream in(text);
  return read_csv(in);
}

TEST(csv_test, writes_a_header_and_empty_cells) {
  EXPECT_EQ(text_of({{.step = 12, .loss = 0.1, .ratio = std::nan("")}}),
            "step,loss,gradient_norm,probe_loss,rolling_variance,total_variance,ratio\n12,0.1,,,,,nan\n");
}

TEST(csv_test, round_trips_exactly) {
  const auto records = test::varied_records();
  EXPECT_EQ(read(text_of(records)), records);
  EXPECT_EQ(text_of(read(text_of(records))), text_of(records));
  EXPECT_TRUE(std::isnan(read(text_of({{.step = 1, .loss = std::nan("")}})).at(0).loss.value()));
}

TEST(csv_test, goes_by_the_names_of_the_columns) {
  const trace expected{{.step = 3, .probe_loss = 0.5}, {.step = 4}};
  EXPECT_EQ(read("probe_loss,seconds,step\r\n0.5,ten,3\r\n\r\n,,4\r\n"), expected);
}

TEST(csv_test, of_nothing_is_nothing) {
  EXPECT_TRUE(read("").empty());
  EXPECT_TRUE(read("step,loss\n").empty());
}

TEST(csv_test, leaves_an_interrupted_last_line_out) {
  const auto whole = text_of({{.step = 1, .loss = 0.5}, {.step = 2, .ratio = 0.25}});
  for (std::size_t cut = 1; cut < 8; ++cut)
    EXPECT_EQ(read(whole.substr(0, whole.size() - cut)).size(), 1U) << "0.2 is a number too";
  EXPECT_TRUE(read("st").empty()) << "so is a header";
}

TEST(csv_test, names_the_line_that_is_wrong) {
  EXPECT_THAT([] { read("loss\n"); },
              ThrowsMessage<trace_error>("trace: line 1: there is no column \"step\""));
  EXPECT_THAT([] { read("step,loss\n1\n"); },
              ThrowsMessage<trace_error>("trace: line 2: 1 columns, expected 2"));
  EXPECT_THAT([] { read("step,loss\n1,2\n1,2x\n"); },
              ThrowsMessage<trace_error>("trace: line 3: \"loss\" is \"2x\", expected a number or nothing"));
  EXPECT_THAT([] { read("step,loss\n,2\n"); },
              ThrowsMessage<trace_error>("trace: line 2: \"step\" is \"\", expected a whole number"));
}

TEST(csv_test, truncating_lets_a_resumed_run_append) {
  const auto path = std::filesystem::path(testing::TempDir()) / "dvar_csv_test.csv";
  const trace records{{.step = 2, .loss = 0.5}, {.step = 4, .loss = 0.25}, {.step = 6, .loss = 0.125}};
  for (const std::size_t last_step : {0, 1, 2, 5, 6, 99}) {
    std::ofstream(path, std::ios::binary) << text_of(records) << "8,0.0";
    truncate_csv(path, last_step);
    {
      std::ofstream out(path, std::ios::binary | std::ios::app);
      write_csv_line(out, {.step = 100});
    }
    std::ifstream in(path);
    auto expected = records;
    std::erase_if(expected, [&](const trace_record& record) { return record.step > last_step; });
    expected.push_back({.step = 100});
    EXPECT_EQ(read_csv(in), expected) << last_step;
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace dvar
