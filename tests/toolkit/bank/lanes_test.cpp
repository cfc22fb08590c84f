#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/bank/lanes.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/multiply_add.hpp>

#include "../streams.hpp"

namespace dvar::inline v0_2::detail {
namespace {

constexpr double lane_infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Returns the numbers that lanes are filled with, special ones at every place.
std::vector<double> numbers() {
  std::vector<double> all = test::white_noise(64);
  for (const double special : {0.0, -0.0, lane_infinity, -lane_infinity, not_a_number, 1e308, -1e-310, 1.0})
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2), special);
  return all;
}

std::vector<double> stored(lanes from) {
  std::vector<double> to(lanes::count);
  from.store(to.data());
  return to;
}

/// Returns the bits of a number, by which -0 is told from 0, and every NaN is the same.
std::uint64_t bits(double value) {
  return std::bit_cast<std::uint64_t>(std::isnan(value) ? not_a_number : value);
}

/// Compares `f` for lanes with `f` for each of them, for many pairs.
template <class F>
void compare(F f) {
  const std::vector<double> a = numbers();
  const std::vector<double> b(a.rbegin(), a.rend());
  for (std::size_t first = 0; first + lanes::count <= a.size(); ++first) {
    for (std::size_t other = 0; other + lanes::count <= b.size(); other += 3) {
      const std::vector<double> found = stored(f(lanes::load(&a[first]), lanes::load(&b[other])));
      for (std::size_t lane = 0; lane < lanes::count; ++lane) {
        const double expected = f(a[first + lane], b[other + lane]);
        ASSERT_EQ(bits(found[lane]), bits(expected)) << a[first + lane] << ", " << b[other + lane];
      }
    }
  }
}

TEST(lanes_test, each_lane_gets_the_bits_of_a_double) {
  compare([](auto a, auto b) { return a + b; });
  compare([](auto a, auto b) { return a - b; });
  compare([](auto a, auto b) { return a * b; });
  compare([](auto a, auto b) { return a / b; });
  compare([](auto a, auto) { return -a; });
  compare([](auto a, auto b) { return a += b; });
  compare([](auto a, auto b) { return multiply_add(a, b, a); });
  compare([](auto a, auto b) { return multiply_add(0.1, a, b); });
  compare([](auto a, auto) { return not_below_zero(a); });
}

TEST(lanes_test, chooses_as_a_double_does) {
  compare([](auto a, auto b) { return select(a < b, a, b); });
  compare([](auto a, auto b) { return select(a > b, a, b); });
  compare([](auto a, auto b) { return select(a >= b, a, b); });
  compare([](auto a, auto b) { return select(!(a >= b), a, b); });
  compare([](auto a, auto b) { return select((a < b) & (a < 0.0), a, b); });
  compare([](auto a, auto b) { return select((a < b) | (a < 0.0), a, b); });
}

TEST(lanes_test, conditions_are_counted_and_found_in_every_lane) {
  EXPECT_FALSE(any(lanes(1.0) < lanes(1.0)));
  EXPECT_FALSE(any(lanes(not_a_number) >= lanes(0.0)));
  for (std::size_t lane = 0; lane < lanes::count; ++lane) {
    lanes values = 0.0;
    values.set(lane, -1.0);
    const lane_mask negative = values < 0.0;
    EXPECT_TRUE(any(negative)) << lane;
    for (std::size_t i = 0; i < lanes::count; ++i) {
      EXPECT_EQ(negative[i], i == lane);
      EXPECT_EQ(stored(lanes::ones(negative))[i], i == lane ? 1.0 : 0.0);
    }
  }
}

TEST(lanes_test, loads_floats_without_loss) {
  std::array<float, lanes::count> narrow{};
  for (std::size_t i = 0; i < narrow.size(); ++i)
    narrow[i] = 0.1F * static_cast<float>(i) - 0.3F;
  const std::vector<double> wide = stored(lanes::load(narrow.data()));
  for (std::size_t i = 0; i < narrow.size(); ++i)
    EXPECT_EQ(wide[i], static_cast<double>(narrow[i]));
}

TEST(lanes_test, sums_of_many_series_are_those_of_each) {
  const std::vector<double> values = test::white_noise(40 * lanes::count);
  basic_moments<lanes> together;
  std::vector<moments> alone(lanes::count);
  for (std::size_t n = 0; n < 40; ++n) {
    together.add(lanes::load(&values[n * lanes::count]));
    for (std::size_t s = 0; s < lanes::count; ++s)
      alone[s].add(values[n * lanes::count + s]);
  }
  const std::vector<double> found = stored(together.shifted(40.0, 0.7).squared_deviations(1.0 / 40.0));
  for (std::size_t s = 0; s < lanes::count; ++s)
    EXPECT_EQ(found[s], alone[s].shifted(40.0, 0.7).squared_deviations(1.0 / 40.0));
}

}  // namespace
}  // namespace dvar::inline v0_2::detail
