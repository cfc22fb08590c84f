#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/rolling_slope.hpp>

#include "../allocations.hpp"
#include "../lines.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::DoubleNear;
using testing::Optional;

void expect_close(const line_fit& fit, std::span<const double> values, const std::string& where) {
  const test::line_reference expected(values);
  const auto largest = std::sqrt(expected.squares / expected.squared_indices);
  ASSERT_LT(std::abs(fit.slope - expected.slope()), 1e-12L * largest) << where;
  const auto n = static_cast<long double>(values.size());
  const auto residual =
      static_cast<long double>(fit.standard_error) * fit.standard_error * (n - 2) * expected.squared_indices;
  ASSERT_LT(std::abs(residual - expected.residual()), 1e-12L * expected.squares) << where;
}

TEST(rolling_slope_test, agrees_with_two_passes_in_long_double) {
  for (const std::size_t window : {3, 4, 7, 31, 97, 310, 1000}) {
    for (const auto& [name, values] : test::streams(3000)) {
      rolling_slope recent{window};
      for (std::size_t n = 1; n <= values.size(); ++n) {
        recent.observe(values[n - 1]);
        ASSERT_EQ(recent.full(), n >= window);
        ASSERT_EQ(recent.fit().has_value(), n >= window) << name << ", " << window << ", n = " << n;
        if (n >= window && (n < window + 100 || n % 7 == 0)) {
          expect_close(*recent.fit(), std::span(values).subspan(n - window, window),
                       name + ", window " + std::to_string(window) + ", n = " + std::to_string(n));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(rolling_slope_test, gives_a_well_conditioned_slope_to_ten_digits) {
  const auto noise = test::white_noise(3000);
  rolling_slope recent{310};
  std::vector<double> values;
  for (std::size_t i = 0; i < noise.size(); ++i) {
    values.push_back(1e9 - 0.01 * static_cast<double>(i) + 0.1 * noise[i]);
    recent.observe(values.back());
    if (i >= 309) {
      const test::line_reference expected{std::span<const double>(values).last(310)};
      ASSERT_LT(test::relative_error(recent.slope().value(), expected.slope()), 1e-10) << i;
    }
  }
}

TEST(rolling_slope_test, agrees_with_scipy) {
  // python3 -c "from scipy.stats import linregress as fit
  // r = fit(range(12), [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]); print(r.slope, r.stderr, r.pvalue)"   (SciPy 1.17.1)
  rolling_slope recent{12};
  for (const double value : {1e12, -7.0, 3., 1., 4., 1., 5., 9., 2., 6., 5., 3., 5., 8.})
    recent.observe(value);
  ASSERT_TRUE(recent.fit());
  EXPECT_NEAR(recent.fit()->slope, 0.34965034965034963, 1e-15);
  EXPECT_NEAR(recent.fit()->standard_error, 0.19285153024072235, 1e-15);
  EXPECT_NEAR(recent.fit()->p_value(), 0.09990321605591237, 1e-14);
  EXPECT_THAT(recent.mean(), Optional(DoubleNear(52.0 / 12.0, 1e-14)));
}

TEST(rolling_slope_test, equal_values_have_slope_and_error_zero) {
  for (const std::size_t window : {3, 10, 310}) {
    for (const double constant : {0.3, 1e9 + 0.1, 0.0}) {
      rolling_slope recent{window};
      for (const double value : test::white_noise(window + 7))
        recent.observe(value);
      for (std::size_t i = 1; i < 3 * window; ++i) {
        recent.observe(constant);
        const line_fit flat{.count = static_cast<double>(window), .slope = 0.0, .standard_error = 0.0};
        ASSERT_EQ(recent.fit() == flat, i >= window) << window << ", " << constant << ", " << i;
      }
    }
  }
}

TEST(rolling_slope_test, recovers_in_the_step_in_which_a_bad_value_leaves) {
  const auto inf = std::numeric_limits<double>::infinity();
  for (const std::size_t window : {3, 8, 29}) {
    const auto values = test::white_noise(6 * window);
    for (const double bad : {std::nan(""), inf, -inf, 1e200, 1e12}) {
      for (std::size_t where = 0; where < 3 * window; ++where) {
        rolling_slope recent{window};
        for (std::size_t i = 0; i < values.size(); ++i) {
          recent.observe(i == where ? bad : values[i]);
          if (i + 1 < window) continue;
          if (where <= i && where + window > i) {
            ASSERT_EQ(recent.fit().has_value(), bad == 1e12) << bad << " at " << where << ", now " << i;
          } else {
            ASSERT_TRUE(recent.fit()) << bad << " at " << where << ", now " << i;
            expect_close(*recent.fit(), std::span(values).subspan(i + 1 - window, window),
                         "after a bad value");
          }
          ASSERT_FALSE(HasFatalFailure());
        }
      }
    }
  }
}

TEST(rolling_slope_test, allocates_in_the_constructor_only) {
  rolling_slope recent{310};
  const auto values = test::white_noise(2000);
  double sum = 0;
  const auto before = test::allocations();
  for (const double value : values) {
    recent.observe(value);
    if (const auto fit = recent.fit()) sum += fit->p_value();
  }
  recent.reset();
  EXPECT_EQ(test::allocations(), before);
  EXPECT_GT(sum, 0.0);
}

TEST(rolling_slope_test, reset_equals_fresh) {
  for (const std::size_t seen : {1, 30, 31, 500}) {
    rolling_slope recent{31};
    for (const double value : test::white_noise(seen))
      recent.observe(value);
    recent.reset();
    EXPECT_EQ(save_state(recent), save_state(rolling_slope{31}));
  }
}

TEST(rolling_slope_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::streams(300)[3].values;
  for (std::size_t cut = 0; cut < 200; ++cut) {
    rolling_slope recent{37};
    for (std::size_t i = 0; i < cut; ++i)
      recent.observe(values[i]);
    rolling_slope loaded{37};
    load_state(loaded, save_state(recent));
    for (std::size_t i = cut; i < values.size(); ++i) {
      recent.observe(values[i]);
      loaded.observe(values[i]);
      ASSERT_EQ(recent.fit(), loaded.fit()) << cut << ", " << i;
    }
    EXPECT_EQ(save_state(recent), save_state(loaded));
  }
}

TEST(rolling_slope_test, refuses_a_state_of_another_window) {
  rolling_slope recent{31};
  EXPECT_THAT(
      [&] { load_state(recent, save_state(rolling_slope{30})); },
      testing::ThrowsMessage<state_error>(testing::HasSubstr("is 30 in the saved state and 31 here")));
}

TEST(rolling_slope_test, refuses_a_position_outside_the_window) {
  const auto archive = [](std::size_t position) {
    state_writer out;
    out.section("rolling_slope", 1);
    out.section("rolling_line", 1);
    out(std::vector<double>(3), std::vector<detail::line_sums>(3), position, false, 0.0, 0.0,
        detail::line_sums{});
    return out.bytes();
  };
  rolling_slope recent{3};
  load_state(recent, archive(2));
  EXPECT_THAT([&] { load_state(recent, archive(3)); },
              testing::ThrowsMessage<state_error>("saved state: a position is outside its window"));
}

TEST(rolling_slope_test, refuses_windows_without_an_error) {
  EXPECT_THAT([] { rolling_slope recent{2}; }, testing::ThrowsMessage<std::invalid_argument>(
                                                   "rolling_slope: window must be at least 3, not 2"));
}

}  // namespace
}  // namespace dvar
