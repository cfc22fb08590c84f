#include "device/phases.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace dvar::device {
namespace {

using testing::ElementsAre;
using testing::Field;

std::vector<std::string> paths_of(const phase_recorder& recorder) {
  std::vector<std::string> paths;
  for (const phase_total& each : recorder.totals())
    paths.push_back(each.path);
  return paths;
}

TEST(phases_test, are_added_up_by_where_they_stand) {
  const phase_recorder recorder;
  for (int i = 0; i < 3; ++i) {
    const phase step{"step"};
    {
      const phase unet{"unet"};
    }
    {
      const phase text{"text"};
    }
    if (i > 0) const phase unet{"unet"};
  }
  {
    const phase probe{"probe"};
    const phase unet{"unet"};
  }
  EXPECT_THAT(
      recorder.totals(),
      ElementsAre(testing::AllOf(Field(&phase_total::path, "step"), Field(&phase_total::count, 3)),
                  testing::AllOf(Field(&phase_total::path, "step/unet"), Field(&phase_total::count, 5)),
                  testing::AllOf(Field(&phase_total::path, "step/text"), Field(&phase_total::count, 3)),
                  testing::AllOf(Field(&phase_total::path, "probe"), Field(&phase_total::count, 1)),
                  testing::AllOf(Field(&phase_total::path, "probe/unet"), Field(&phase_total::count, 1))));
}

TEST(phases_test, take_at_least_as_long_as_their_parts) {
  const phase_recorder recorder;
  {
    const phase outer{"outer"};
    const phase inner{"inner"};
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  const std::vector<phase_total> totals = recorder.totals();
  ASSERT_EQ(totals.size(), 2u);
  EXPECT_GE(totals[1].seconds, 0.005);
  EXPECT_GE(totals[0].seconds, totals[1].seconds);
  EXPECT_GT(totals[0].resident_bytes, 0);
}

TEST(phases_test, count_when_they_have_ended) {
  const phase_recorder recorder;
  const phase outer{"outer"};
  {
    const phase inner{"inner"};
  }
  EXPECT_THAT(paths_of(recorder), ElementsAre());
}

TEST(phases_test, of_other_threads_are_not_recorded) {
  const phase_recorder recorder;
  std::thread{[] { const phase other{"other"}; }}.join();
  {
    const phase own{"own"};
  }
  EXPECT_THAT(paths_of(recorder), ElementsAre("own"));
}

TEST(phases_test, do_nothing_where_nothing_records) {
  {
    const phase before{"before"};
  }
  const phase_recorder recorder;
  EXPECT_THAT(paths_of(recorder), ElementsAre());
  EXPECT_THROW(phase_recorder{}, std::logic_error);
}

TEST(phases_test, are_complete_events_of_a_trace) {
  const phase_recorder recorder{/*keeps_events=*/true};
  {
    const phase outer{"outer"};
    const phase inner{"inner"};
  }
  const auto events = nlohmann::json::parse(recorder.chrome_trace()).at("traceEvents");
  ASSERT_EQ(events.size(), 2u);
  const auto &inner = events[0], &outer = events[1];
  EXPECT_EQ(inner.at("name"), "inner");
  EXPECT_EQ(outer.at("ph"), "X");
  EXPECT_GE(inner.at("ts").get<double>(), outer.at("ts").get<double>());
  EXPECT_LE(inner.at("dur").get<double>(), outer.at("dur").get<double>());
}

}  // namespace
}  // namespace dvar::device
