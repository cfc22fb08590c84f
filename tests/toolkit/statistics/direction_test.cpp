#include <cmath>
#include <cstddef>
#include <limits>

#include <gtest/gtest.h>

#include <dvar/statistics/direction.hpp>

namespace dvar {
namespace {

static_assert(is_better(direction::minimize, 1.0, 2.0));
static_assert(is_better(direction::maximize, 2.0, 1.0));
static_assert(gain(direction::minimize, 3.0, 1.0) == 2.0);
static_assert(gain(direction::maximize, 3.0, 1.0) == -2.0);

TEST(direction_test, its_names_are_in_the_order_of_the_enumerators) {
  const auto names = enumerator_names(direction{});
  EXPECT_EQ(names[static_cast<std::size_t>(direction::minimize)], "minimize");
  EXPECT_EQ(names[static_cast<std::size_t>(direction::maximize)], "maximize");
}

TEST(direction_test, equal_values_are_not_better) {
  for (const auto better : {direction::minimize, direction::maximize}) {
    EXPECT_FALSE(is_better(better, 1.0, 1.0));
    EXPECT_FALSE(is_better(better, 0.0, -0.0));
    EXPECT_FALSE(is_better(better, -0.0, 0.0));
    EXPECT_EQ(gain(better, 1.0, 1.0), 0.0);
  }
}

TEST(direction_test, a_nan_is_neither_better_nor_beaten) {
  for (const auto better : {direction::minimize, direction::maximize}) {
    EXPECT_FALSE(is_better(better, std::nan(""), 1.0));
    EXPECT_FALSE(is_better(better, 1.0, std::nan("")));
    EXPECT_TRUE(std::isnan(gain(better, 1.0, std::nan(""))));
  }
}

TEST(direction_test, infinities_are_compared_like_other_values) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(is_better(direction::minimize, -infinity, -1e308));
  EXPECT_TRUE(is_better(direction::minimize, 1e308, infinity));
  EXPECT_TRUE(is_better(direction::maximize, infinity, 1e308));
  EXPECT_FALSE(is_better(direction::maximize, -infinity, -1e308));
}

}  // namespace
}  // namespace dvar
