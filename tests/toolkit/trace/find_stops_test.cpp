#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/trace/find_stops.hpp>
#include <dvar/trace/replay.hpp>

#include "../streams.hpp"

namespace dvar {
namespace {

using testing::Each;

TEST(find_stops_test, writes_a_row_a_window_and_in_it_each_threshold) {
  const std::vector<std::size_t> windows{3, 40};
  const std::vector<double> thresholds{0.02, 0.9, 0.3};
  for (const auto& [name, losses] : test::streams(3000)) {
    std::array<std::size_t, 6> stops;
    stops.fill(7);
    find_stops(losses, windows, thresholds, non_finite_policy::keep, stops);
    std::vector<std::size_t> expected;
    for (const std::size_t window : windows)
      for (const double threshold : thresholds)
        expected.push_back(replay(losses, variance_ratio{{.window = window, .threshold = threshold}})
                               .stopped_at.value_or(never));
    EXPECT_THAT(stops, testing::ElementsAreArray(expected)) << name;
  }
}

TEST(find_stops_test, of_no_losses_there_are_none) {
  std::array<std::size_t, 2> stops{7, 7};
  find_stops({}, std::array<std::size_t, 1>{5}, std::array{0.5, 0.1}, non_finite_policy::keep, stops);
  EXPECT_THAT(stops, Each(never));
}

TEST(find_stops_test, refuses_what_the_rule_refuses) {
  const std::vector losses{1.0, 2.0};
  std::array<std::size_t, 1> stops{};
  EXPECT_THAT(
      [&] {
        find_stops(losses, std::array<std::size_t, 1>{1}, std::array{0.5}, non_finite_policy::keep, stops);
      },
      testing::ThrowsMessage<std::invalid_argument>("variance_ratio: window must be at least 2, not 1"));
  EXPECT_THAT([&] { find_stops(losses, {}, std::array{0.0}, non_finite_policy::keep, {}); },
              testing::ThrowsMessage<std::invalid_argument>(
                  "variance_ratio: threshold must be above 0 and at most 1, not 0"));
}

}  // namespace
}  // namespace dvar
