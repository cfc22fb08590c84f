#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/rolling_variance.hpp>

#include "../allocations.hpp"
#include "../streams.hpp"

namespace dvar {
namespace {

using testing::Optional;

TEST(rolling_variance_test, agrees_with_two_passes_in_long_double) {
  for (const std::size_t window : {2, 3, 4, 5, 7, 16, 31, 32, 97, 282, 310, 1000}) {
    for (const auto& [name, values] : test::streams(3000)) {
      rolling_variance recent{window};
      for (std::size_t n = 1; n <= values.size(); ++n) {
        recent.observe(values[n - 1]);
        ASSERT_EQ(recent.full(), n >= window);
        ASSERT_EQ(recent.variance().has_value(), n >= window) << name << ", " << window << ", n = " << n;
        if (n >= window && (n < window + 100 || n % 7 == 0)) {
          const auto expected = test::two_pass_variance(std::span(values).subspan(n - window, window));
          ASSERT_LT(test::relative_error(*recent.variance(), expected), 1e-12)
              << name << ", window " << window << ", n = " << n;
        }
      }
    }
  }
}

TEST(rolling_variance_test, names_its_ddof) {
  // python3 -c "import numpy as np; x = [1, 4, 9]; print(np.var(x), np.var(x, ddof=1))"
  rolling_variance recent{3};
  for (const double value : {100.0, 1.0, 4.0, 9.0})
    recent.observe(value);
  EXPECT_THAT(recent.variance(), Optional(testing::DoubleEq(10.888888888888888)));
  EXPECT_THAT(recent.variance(sample), Optional(testing::DoubleEq(16.333333333333332)));
  EXPECT_EQ(recent.variance({.ddof = 3}), std::nullopt);
}

TEST(rolling_variance_test, a_window_of_equal_values_gives_exactly_zero) {
  for (const std::size_t window : {2, 3, 10, 310}) {
    for (const double constant : {0.3, 0.1, 1e9 + 0.1, 0.0}) {
      rolling_variance recent{window};
      for (const double value : test::white_noise(window + 7))
        recent.observe(value);
      for (std::size_t i = 1; i < 3 * window; ++i) {
        recent.observe(constant);
        ASSERT_EQ(recent.variance() == 0.0, i >= window) << window << ", " << constant << ", " << i;
      }
    }
  }
}

TEST(rolling_variance_test, recovers_in_the_step_in_which_a_bad_value_leaves) {
  const auto inf = std::numeric_limits<double>::infinity();
  for (const std::size_t window : {2, 5, 32, 97}) {
    const auto values = test::white_noise(6 * window);
    for (const double bad : {std::nan(""), inf, -inf, 1e200, 1e12}) {
      for (std::size_t where = 0; where < 3 * window; ++where) {
        rolling_variance recent{window};
        for (std::size_t i = 0; i < values.size(); ++i) {
          recent.observe(i == where ? bad : values[i]);
          if (i + 1 < window) continue;
          const bool inside = where <= i && where + window > i;
          if (inside) {
            ASSERT_EQ(recent.variance().has_value(), bad == 1e12) << bad << " at " << where << ", now " << i;
          } else {
            const auto expected = test::two_pass_variance(std::span(values).subspan(i + 1 - window, window));
            ASSERT_LT(test::relative_error(recent.variance().value(), expected), 1e-12)
                << bad << " at " << where << ", now " << i;
          }
        }
      }
    }
  }
}

TEST(rolling_variance_test, stores_floats_without_loss) {
  rolling_variance<float> narrow{50};
  rolling_variance<double> wide{50};
  const auto values = test::streams(500)[4].values;
  for (const double value : values) {
    narrow.observe(static_cast<float>(value));
    wide.observe(value);
    ASSERT_EQ(narrow.variance(), wide.variance());
  }
}

TEST(rolling_variance_test, allocates_in_the_constructor_only) {
  rolling_variance recent{310};
  const auto values = test::white_noise(2000);
  double sum = 0;
  const auto before = test::allocations();
  for (const double value : values) {
    recent.observe(value);
    sum += recent.variance().value_or(0.0);
  }
  recent.reset();
  EXPECT_EQ(test::allocations(), before);
  EXPECT_GT(sum, 0.0);
}

TEST(rolling_variance_test, reset_equals_fresh) {
  for (const std::size_t seen : {1, 30, 31, 500}) {
    rolling_variance recent{31};
    for (const double value : test::white_noise(seen))
      recent.observe(value);
    recent.reset();
    EXPECT_EQ(save_state(recent), save_state(rolling_variance{31}));
  }
}

TEST(rolling_variance_test, a_loaded_state_continues_bit_for_bit) {
  const auto values = test::streams(300)[3].values;
  for (std::size_t cut = 0; cut < 200; ++cut) {
    rolling_variance recent{37};
    for (std::size_t i = 0; i < cut; ++i)
      recent.observe(values[i]);
    rolling_variance loaded{37};
    load_state(loaded, save_state(recent));
    for (std::size_t i = cut; i < values.size(); ++i) {
      recent.observe(values[i]);
      loaded.observe(values[i]);
      ASSERT_EQ(recent.variance(), loaded.variance()) << cut << ", " << i;
    }
    EXPECT_EQ(save_state(recent), save_state(loaded));
  }
}

TEST(rolling_variance_test, refuses_a_state_of_another_window_or_type) {
  const auto archive = save_state(rolling_variance{30});
  rolling_variance recent{31};
  EXPECT_THAT(
      [&] { load_state(recent, archive); },
      testing::ThrowsMessage<state_error>(testing::HasSubstr("is 30 in the saved state and 31 here")));
  rolling_variance<float> narrow{30};
  EXPECT_THAT(
      [&] { load_state(narrow, archive); },
      testing::ThrowsMessage<state_error>(testing::HasSubstr("value type is 8 in the saved state and 4")));
}

TEST(rolling_variance_test, refuses_a_position_outside_the_window) {
  const auto archive = [](std::size_t position, std::size_t segment) {
    state_writer out;
    out.section("rolling_variance", 3);
    out(sizeof(double), std::vector<double>(4), std::vector<detail::chunk>(2), position, segment, true, 0.0);
    out(detail::moments{}, detail::moments{}, 0.0);
    return out.bytes();
  };
  rolling_variance recent{4};
  load_state(recent, archive(3, 1));
  for (const std::size_t position : {1, 4}) {
    EXPECT_THAT(
        [&] { load_state(recent, archive(position, 1)); },
        testing::ThrowsMessage<state_error>("saved state: rolling_variance's position is outside its window"))
        << position;
  }
  EXPECT_THROW(load_state(recent, archive(3, 2)), state_error);
}

TEST(rolling_variance_test, refuses_windows_without_a_variance) {
  for (const std::size_t window : {0, 1}) {
    EXPECT_THAT([&] { rolling_variance recent{window}; },
                testing::ThrowsMessage<std::invalid_argument>(
                    "rolling_variance: window must be at least 2, not " + std::to_string(window)));
  }
}

}  // namespace
}  // namespace dvar
