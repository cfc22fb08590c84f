#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/best_value.hpp>

#include "../allocations.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

const double best_infinity = std::numeric_limits<double>::infinity();

TEST(best_value_test, has_none_before_the_first_observation) {
  const best_value best{direction::maximize};
  EXPECT_EQ(best.value(), std::nullopt);
  EXPECT_EQ(best.observation(), std::nullopt);
  EXPECT_EQ(best.count(), 0U);
  EXPECT_EQ(best.better(), direction::maximize);
}

TEST(best_value_test, agrees_with_the_extreme_of_the_history) {
  const auto values = test::white_noise(500);
  best_value least{direction::minimize};
  best_value greatest{direction::maximize};
  for (std::size_t n = 1; n <= values.size(); ++n) {
    least.observe(values[n - 1]);
    greatest.observe(values[n - 1]);
    const auto seen = std::span(values).first(n);
    const auto [low, high] = std::minmax_element(seen.begin(), seen.end());
    ASSERT_EQ(least.value(), *low);
    ASSERT_EQ(least.observation(), static_cast<std::uint64_t>(low - seen.begin()) + 1);
    ASSERT_EQ(greatest.value(), *high);
    ASSERT_EQ(greatest.observation(), static_cast<std::uint64_t>(high - seen.begin()) + 1);
  }
}

TEST(best_value_test, says_which_observation_is_a_new_best) {
  best_value best{direction::minimize};
  EXPECT_TRUE(best.observe(2.0));
  EXPECT_FALSE(best.observe(3.0));
  EXPECT_TRUE(best.observe(std::nextafter(2.0, 0.0)));
}

TEST(best_value_test, keeps_the_earliest_of_equal_values) {
  best_value best{direction::maximize};
  for (const double value : {0.5, 0.7, 0.7, 0.6, 0.7})
    best.observe(value);
  EXPECT_EQ(best.observation(), 2U);
  best.reset();
  best.observe(-0.0);
  EXPECT_FALSE(best.observe(0.0));
  EXPECT_TRUE(std::signbit(best.value().value()));
}

TEST(best_value_test, a_nan_counts_and_is_never_the_best) {
  best_value best{direction::minimize};
  EXPECT_FALSE(best.observe(std::nan("")));
  EXPECT_EQ(best.value(), std::nullopt);
  EXPECT_TRUE(best.observe(5.0));
  EXPECT_FALSE(best.observe(std::nan("")));
  EXPECT_EQ(best.value(), 5.0);
  EXPECT_EQ(best.observation(), 2U);
  EXPECT_EQ(best.count(), 3U);
}

TEST(best_value_test, an_infinity_is_a_value_like_others) {
  best_value best{direction::minimize};
  EXPECT_TRUE(best.observe(best_infinity));
  EXPECT_EQ(best.value(), best_infinity);
  EXPECT_TRUE(best.observe(1e308));
  EXPECT_TRUE(best.observe(-best_infinity));
  EXPECT_FALSE(best.observe(-1e308));
  EXPECT_EQ(best.observation(), 3U);
}

TEST(best_value_test, reset_equals_fresh) {
  best_value best{direction::maximize};
  best.observe(1.0);
  best.reset();
  EXPECT_EQ(save_state(best), save_state(best_value{direction::maximize}));
  EXPECT_EQ(best.value(), std::nullopt);
}

TEST(best_value_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::white_noise(100);
  for (std::size_t cut = 0; cut <= values.size(); ++cut) {
    best_value best{direction::minimize};
    for (const double value : std::span(values).first(cut))
      best.observe(value);
    best_value loaded{direction::minimize};
    load_state(loaded, save_state(best));
    EXPECT_EQ(loaded.value(), best.value());
    for (const double value : std::span(values).subspan(cut))
      ASSERT_EQ(loaded.observe(value), best.observe(value));
    EXPECT_EQ(save_state(loaded), save_state(best));
  }
}

TEST(best_value_test, refuses_the_state_of_the_other_direction) {
  best_value best{direction::minimize};
  EXPECT_THAT([&] { load_state(best, save_state(best_value{direction::maximize})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: best_value's direction is maximize in the saved state and minimize here"));
}

TEST(best_value_test, observes_without_allocating) {
  const auto values = test::white_noise(100);
  best_value best{direction::minimize};
  const auto before = test::allocations();
  for (const double value : values)
    best.observe(value);
  EXPECT_EQ(test::allocations(), before);
  EXPECT_TRUE(best.value().has_value());
}

}  // namespace
}  // namespace dvar
