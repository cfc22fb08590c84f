#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/detail/windowed_sum.hpp>

#include "../allocations.hpp"
#include "../streams.hpp"

namespace dvar::inline v0_2::detail {
namespace {

TEST(windowed_sum_test, agrees_with_adding_up_the_window) {
  const auto values = test::white_noise(300);
  for (const std::size_t window : std::vector<std::size_t>{1, 2, 3, 10, 64}) {
    windowed_sum sum{window};
    for (std::size_t n = 1; n <= values.size(); ++n) {
      sum.add(values[n - 1]);
      ASSERT_EQ(sum.full(), n >= window);
      if (sum.full()) {
        const auto in = std::span(values).subspan(n - window, window);
        ASSERT_NEAR(sum.sum(), std::accumulate(in.begin(), in.end(), 0.0), 1e-13) << window << ", " << n;
      }
    }
  }
}

TEST(windowed_sum_test, nothing_is_left_of_what_has_left) {
  for (const double bad : {std::nan(""), 1e300, -HUGE_VAL}) {
    for (std::size_t at = 0; at < 12; ++at) {
      windowed_sum sum{4};
      for (std::size_t n = 0; n < 30; ++n) {
        sum.add(n == at ? bad : 0.5);
        if (n >= at + 4)
          ASSERT_EQ(sum.sum(), 2.0) << at << ", " << n;
        else if (n >= at && sum.full())
          ASSERT_NE(sum.sum(), 2.0) << at << ", " << n;
      }
    }
  }
}

TEST(windowed_sum_test, reset_equals_fresh) {
  windowed_sum sum{3};
  for (const double value : {1.0, 2.0, 3.0, 4.0})
    sum.add(value);
  sum.reset();
  EXPECT_FALSE(sum.full());
  EXPECT_EQ(save_state(sum), save_state(windowed_sum{3}));
  for (const double value : {1.0, 2.0, 3.0})
    sum.add(value);
  EXPECT_EQ(sum.sum(), 6.0);
}

TEST(windowed_sum_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::white_noise(60);
  for (std::size_t cut = 0; cut <= values.size(); ++cut) {
    windowed_sum sum{7};
    for (const double value : std::span(values).first(cut))
      sum.add(value);
    windowed_sum loaded{7};
    load_state(loaded, save_state(sum));
    for (const double value : std::span(values).subspan(cut)) {
      ASSERT_EQ(loaded.sum(), sum.sum()) << cut;
      sum.add(value);
      loaded.add(value);
    }
    ASSERT_EQ(loaded.sum(), sum.sum());
    EXPECT_EQ(save_state(loaded), save_state(sum));
  }
}

TEST(windowed_sum_test, refuses_states_that_do_not_fit) {
  windowed_sum sum{3};
  EXPECT_THAT([&] { load_state(sum, save_state(windowed_sum{4})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: the number of values is 4 in the saved state and 3 here"));
  state_writer out;
  out.section("windowed_sum", 1);
  out(std::vector<double>(3), std::size_t{3}, 0.0, true);
  EXPECT_THAT(
      [&] { load_state(sum, out.bytes()); },
      testing::ThrowsMessage<state_error>("saved state: windowed_sum's position is outside its window"));
}

TEST(windowed_sum_test, adds_without_allocating) {
  const auto values = test::white_noise(50);
  windowed_sum sum{8};
  const auto before = test::allocations();
  for (const double value : values)
    sum.add(value);
  EXPECT_EQ(test::allocations(), before);
  EXPECT_TRUE(sum.full());
}

}  // namespace
}  // namespace dvar::inline v0_2::detail
