#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/trace/right_stops.hpp>

namespace dvar {
namespace {

/// Returns a straight line from 1 down to 0.
std::vector<double> line(std::size_t length) {
  std::vector<double> values;
  for (std::size_t i = 0; i < length; ++i)
    values.push_back(1.0 - static_cast<double>(i) / static_cast<double>(length - 1));
  return values;
}

TEST(right_stops_test, of_a_line_lie_beyond_its_end) {
  // A step of 1/128 is exact; 0.9 of the fall is done by the 117th value, 1 - 116/128 = 0.09375.
  EXPECT_EQ(find_right_stops(line(129)), (right_stops{.from = 117, .to = 351}));
}

TEST(right_stops_test, begin_once_nine_tenths_are_done_and_end_after_three_times_as_many) {
  const std::vector<double> curve{16.0, 8.0, 4.0, 2.0, 1.0, 0.0, 0.0, 0.0,
                                  0.0,  0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
  EXPECT_EQ(find_right_stops(curve), (right_stops{.from = 5, .to = 15}));
}

TEST(right_stops_test, end_where_the_curve_rises_again) {
  const std::vector<double> curve{16.0, 1.0, 0.0, 1.5, 1.75, 0.0};
  EXPECT_EQ(find_right_stops(curve), (right_stops{.from = 2, .to = 4}));
  // A rise before the least does not end them.
  const std::vector<double> bump{16.0, 1.0, 8.0, 0.5, 0.0, 0.0};
  EXPECT_EQ(find_right_stops(bump), (right_stops{.from = 2, .to = 6}));
}

TEST(right_stops_test, are_none_where_nothing_falls) {
  EXPECT_EQ(find_right_stops({}), std::nullopt);
  EXPECT_EQ(find_right_stops(std::vector{0.25}), std::nullopt);
  EXPECT_EQ(find_right_stops(std::vector{0.25, 0.25}), std::nullopt);
  EXPECT_EQ(find_right_stops(std::vector{0.25, 0.5}), std::nullopt);
  EXPECT_EQ(find_right_stops(std::vector{1.0, std::numeric_limits<double>::quiet_NaN(), 0.0}), std::nullopt);
  EXPECT_EQ(find_right_stops(std::vector{std::numeric_limits<double>::infinity(), 0.0}), std::nullopt);
}

}  // namespace
}  // namespace dvar
