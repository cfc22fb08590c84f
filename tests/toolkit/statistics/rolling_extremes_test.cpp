#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/rolling_extremes.hpp>

#include "../allocations.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

TEST(rolling_extremes_test, are_those_of_the_window) {
  for (const std::size_t window : {1, 2, 3, 7, 64, 310}) {
    auto streams = test::streams(2000);
    streams.push_back({"few distinct values", test::white_noise(2000)});
    for (double& value : streams.back().values)
      value = std::round(value);
    for (const auto& [name, values] : streams) {
      rolling_extremes recent{window};
      for (std::size_t n = 1; n <= values.size(); ++n) {
        recent.observe(values[n - 1]);
        ASSERT_EQ(recent.full(), n >= window);
        ASSERT_EQ(recent.minimum().has_value(), n >= window);
        ASSERT_EQ(recent.maximum().has_value(), n >= window);
        if (n >= window) {
          const auto last = std::span(values).subspan(n - window, window);
          ASSERT_EQ(recent.minimum(), *std::min_element(last.begin(), last.end())) << name << ", " << n;
          ASSERT_EQ(recent.maximum(), *std::max_element(last.begin(), last.end())) << name << ", " << n;
        }
      }
    }
  }
}

TEST(rolling_extremes_test, order_infinities_and_have_no_value_beside_a_nan) {
  const double inf = std::numeric_limits<double>::infinity();
  rolling_extremes recent{2};
  recent.observe(inf);
  recent.observe(-inf);
  EXPECT_EQ(recent.minimum(), -inf);
  EXPECT_EQ(recent.maximum(), inf);
  recent.observe(std::nan(""));
  EXPECT_EQ(recent.minimum(), std::nullopt);
  recent.observe(1.0);
  EXPECT_EQ(recent.maximum(), std::nullopt);
  recent.observe(2.0);
  EXPECT_EQ(recent.minimum(), 1.0);
  EXPECT_EQ(recent.maximum(), 2.0);
}

TEST(rolling_extremes_test, allocate_in_the_constructor_only) {
  rolling_extremes recent{310};
  const auto values = test::white_noise(2000);
  double sum = 0;
  const auto before = test::allocations();
  for (const double value : values) {
    recent.observe(value);
    sum += recent.maximum().value_or(0.0) - recent.minimum().value_or(0.0);
  }
  recent.reset();
  EXPECT_EQ(test::allocations(), before);
  EXPECT_GT(sum, 0.0);
}

TEST(rolling_extremes_test, reset_equals_fresh) {
  for (const std::size_t seen : {1, 30, 31, 500}) {
    rolling_extremes recent{31};
    for (const double value : test::white_noise(seen))
      recent.observe(value);
    recent.observe(std::nan(""));
    recent.reset();
    EXPECT_EQ(save_state(recent), save_state(rolling_extremes{31}));
  }
}

TEST(rolling_extremes_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::streams(300)[3].values;
  for (std::size_t cut = 0; cut < 200; ++cut) {
    rolling_extremes recent{37};
    for (std::size_t i = 0; i < cut; ++i)
      recent.observe(i == 50 ? std::nan("") : values[i]);
    rolling_extremes loaded{37};
    load_state(loaded, save_state(recent));
    for (std::size_t i = cut; i < values.size(); ++i) {
      recent.observe(values[i]);
      loaded.observe(values[i]);
      ASSERT_EQ(recent.minimum(), loaded.minimum()) << cut << ", " << i;
      ASSERT_EQ(recent.maximum(), loaded.maximum()) << cut << ", " << i;
    }
    EXPECT_EQ(save_state(recent), save_state(loaded));
  }
}

TEST(rolling_extremes_test, refuses_a_state_whose_observations_would_never_leave) {
  const auto archive = [](std::uint64_t count, std::uint64_t first_number, std::size_t first = 0) {
    state_writer out;
    out.section("rolling_extremes", 1);
    out(std::size_t{3}, count, std::uint64_t{0});
    for (int queue = 0; queue < 2; ++queue) {
      out(std::vector<double>{1.0, 1.0, 1.0}, std::vector{first_number, first_number + 1, first_number + 2});
      out(first, std::size_t{3});
    }
    return out.bytes();
  };
  rolling_extremes recent{3};
  load_state(recent, archive(5, 3));
  for (const std::uint64_t first_number : {2, 4, 1000})
    EXPECT_THROW(load_state(recent, archive(5, first_number)), state_error) << first_number;
  EXPECT_THROW(load_state(recent, archive(~std::uint64_t{0}, 3)), state_error);
  EXPECT_THAT(
      [&] { load_state(recent, archive(5, 3, 3)); },
      testing::ThrowsMessage<state_error>("saved state: rolling_extremes' position is outside its window"));
}

TEST(rolling_extremes_test, refuse_a_state_of_another_window_and_a_window_of_none) {
  rolling_extremes recent{31};
  EXPECT_THAT([&] { load_state(recent, save_state(rolling_extremes{30})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: rolling_extremes' window is 30 in the saved state and 31 here"));
  EXPECT_THAT([] { rolling_extremes none{0}; }, testing::ThrowsMessage<std::invalid_argument>(
                                                    "rolling_extremes: window must be at least 1, not 0"));
}

}  // namespace
}  // namespace dvar
