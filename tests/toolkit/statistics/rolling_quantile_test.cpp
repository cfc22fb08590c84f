#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/rolling_quantile.hpp>

#include "../allocations.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

/// Computes numpy.quantile's default, in long double.
long double sorted_quantile(std::vector<double> values, double level) {
  std::sort(values.begin(), values.end());
  const double rank = level * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const auto above = std::min(below + 1, values.size() - 1);
  const long double gap = static_cast<long double>(values[above]) - values[below];
  return values[below] + (static_cast<long double>(rank) - static_cast<long double>(below)) * gap;
}

TEST(rolling_quantile_test, is_that_of_the_sorted_window) {
  for (const std::size_t window : {1, 2, 3, 10, 64, 310}) {
    auto streams = test::streams(1000);
    streams.push_back({"few distinct values", test::white_noise(1000)});
    for (double& value : streams.back().values)
      value = std::round(value);
    for (const auto& [name, values] : streams) {
      for (const double level : {0.0, 0.1, 0.5, 0.9, 1.0}) {
        rolling_quantile recent{{.window = window, .level = level}};
        for (std::size_t n = 1; n <= values.size(); ++n) {
          recent.observe(values[n - 1]);
          ASSERT_EQ(recent.quantile().has_value(), n >= window);
          if (n >= window && (n < window + 50 || n % 7 == 0)) {
            const auto last = std::span(values).subspan(n - window, window);
            const auto expected = sorted_quantile({last.begin(), last.end()}, level);
            const auto [low, high] = std::minmax_element(last.begin(), last.end());
            const auto scale = std::max(std::abs(*low), std::abs(*high));
            ASSERT_LE(std::abs(*recent.quantile() - expected), 1e-15L * scale)
                << name << ", window " << window << ", level " << level << ", n = " << n;
          }
        }
      }
    }
  }
}

TEST(rolling_quantile_test, agrees_with_numpy_to_the_last_bit) {
  // python3 -c "import numpy as np
  // for q in 0, .1, .25, .5, .9, 1: print(np.quantile([3., 1, 4, 1, 5, 9, 2, 6], q))"   (NumPy 2.4.6)
  struct {
    double level, value;
  } const expected[] = {{0, 1.0}, {0.1, 1.0}, {0.25, 1.75}, {0.5, 3.5}, {0.9, 6.8999999999999995}, {1, 9.0}};
  for (const auto& [level, value] : expected) {
    rolling_quantile recent{{.window = 8, .level = level}};
    for (const double x : {100.0, -100.0, 50.0, 3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0})
      recent.observe(x);
    EXPECT_EQ(recent.quantile(), value) << level;
  }
}

TEST(rolling_quantile_test, has_no_value_beside_a_nan_and_forgets_it) {
  for (std::size_t where = 0; where < 20; ++where) {
    rolling_quantile recent{{.window = 5, .level = 0.3}};
    const auto values = test::white_noise(40);
    for (std::size_t i = 0; i < values.size(); ++i) {
      recent.observe(i == where ? std::nan("") : values[i]);
      const bool inside = where <= i && where + 5 > i;
      ASSERT_EQ(recent.quantile().has_value(), i >= 4 && !inside) << where << ", " << i;
      if (i >= 4 && !inside) {
        const auto last = std::span(values).subspan(i - 4, 5);
        ASSERT_NEAR(*recent.quantile(), static_cast<double>(sorted_quantile({last.begin(), last.end()}, 0.3)),
                    1e-15);
      }
    }
  }
}

TEST(rolling_quantile_test, orders_infinities_and_reaches_across_the_range_of_double) {
  const double inf = std::numeric_limits<double>::infinity();
  const double most = std::numeric_limits<double>::max();
  const auto median = [](double a, double b) {
    rolling_quantile recent{{.window = 2, .level = 0.5}};
    recent.observe(a);
    recent.observe(b);
    return recent.quantile();
  };
  EXPECT_EQ(median(inf, inf), inf);
  EXPECT_EQ(median(-inf, 1.0), -inf);
  EXPECT_EQ(median(inf, 1.0), inf);
  EXPECT_EQ(median(inf, -inf), std::nullopt);
  EXPECT_EQ(median(most, -most), 0.0);
}

TEST(rolling_quantile_test, allocates_in_the_constructor_only) {
  rolling_quantile recent{{.window = 310, .level = 0.9}};
  const auto values = test::white_noise(2000);
  double sum = 0;
  const auto before = test::allocations();
  for (const double value : values) {
    recent.observe(value);
    sum += recent.quantile().value_or(0.0);
  }
  recent.reset();
  EXPECT_EQ(test::allocations(), before);
  EXPECT_GT(sum, 0.0);
}

TEST(rolling_quantile_test, reset_equals_fresh) {
  for (const std::size_t seen : {1, 30, 31, 500}) {
    rolling_quantile recent{{.window = 31}};
    for (const double value : test::white_noise(seen))
      recent.observe(value);
    recent.reset();
    EXPECT_EQ(save_state(recent), save_state(rolling_quantile{{.window = 31}}));
  }
}

TEST(rolling_quantile_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::streams(300)[3].values;
  const rolling_quantile_options options{.window = 37, .level = 0.75};
  for (std::size_t cut = 0; cut < 200; ++cut) {
    rolling_quantile recent{options};
    for (std::size_t i = 0; i < cut; ++i)
      recent.observe(i == 50 ? std::nan("") : values[i]);
    rolling_quantile loaded{options};
    load_state(loaded, save_state(recent));
    for (std::size_t i = cut; i < values.size(); ++i) {
      recent.observe(values[i]);
      loaded.observe(values[i]);
      ASSERT_EQ(recent.quantile(), loaded.quantile()) << cut << ", " << i;
    }
    EXPECT_EQ(save_state(recent), save_state(loaded));
  }
}

TEST(rolling_quantile_test, refuses_a_state_of_other_options) {
  rolling_quantile recent{{.window = 31, .level = 0.5}};
  EXPECT_THAT([&] { load_state(recent, save_state(rolling_quantile{{.window = 31, .level = 0.25}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: rolling_quantile's level is 0.25 in the saved state and 0.5 here"));
  EXPECT_THAT([&] { load_state(recent, save_state(rolling_quantile{{.window = 30, .level = 0.5}})); },
              testing::ThrowsMessage<state_error>(
                  "saved state: rolling_quantile's window is 30 in the saved state and 31 here"));
}

TEST(rolling_quantile_test, refuses_an_order_or_a_position_that_cannot_be) {
  const auto archive = [](std::size_t second_slot, std::size_t position) {
    state_writer out;
    out.section("rolling_quantile", 1);
    out(std::size_t{2}, 0.5, std::vector{1.0, 2.0}, std::vector{std::size_t{0}, second_slot}, position);
    out(std::uint64_t{2}, std::uint64_t{0});
    return out.bytes();
  };
  rolling_quantile recent{{.window = 2, .level = 0.5}};
  load_state(recent, archive(1, 1));
  EXPECT_EQ(recent.quantile(), 1.5);
  EXPECT_THAT(
      [&] { load_state(recent, archive(0, 1)); },
      testing::ThrowsMessage<state_error>("saved state: rolling_quantile's order is not one of its window"));
  EXPECT_THAT(
      [&] { load_state(recent, archive(1, 2)); },
      testing::ThrowsMessage<state_error>("saved state: rolling_quantile's position is outside its window"));
}

TEST(rolling_quantile_test, refuses_options_out_of_range) {
  EXPECT_THAT(
      [] { rolling_quantile none({.window = 0}); },
      testing::ThrowsMessage<std::invalid_argument>("rolling_quantile: window must be at least 1, not 0"));
  EXPECT_THAT(
      [] { rolling_quantile beyond({.level = 1.5}); },
      testing::ThrowsMessage<std::invalid_argument>("rolling_quantile: level must be from 0 to 1, not 1.5"));
  EXPECT_THAT([] { rolling_quantile nowhere({.level = std::nan("")}); },
              testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("nan")));
}

TEST(rolling_quantile_test, options_name_every_member_once) {
  const auto [window, level] = rolling_quantile_options{};
  std::vector<std::string_view> names;
  for_each_field<rolling_quantile_options>([&](const auto& each) { names.push_back(each.name); });
  EXPECT_THAT(names, testing::ElementsAre("window", "level"));
  const auto fields = rolling_quantile_options::fields();
  EXPECT_EQ(rolling_quantile_options{}.*std::get<0>(fields).member, window);
  EXPECT_EQ(rolling_quantile_options{}.*std::get<1>(fields).member, level);
}

}  // namespace
}  // namespace dvar
