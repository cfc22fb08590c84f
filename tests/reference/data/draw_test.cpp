#include "data/draw.hpp"

#include <array>

#include <gtest/gtest.h>

namespace dvar::data {
namespace {

// The standard itself fixes the engine: the 10000th value of the default-seeded mt19937_64 ([rand.predef]).
TEST(draw, stands_on_the_engine_of_the_standard) {
  std::mt19937_64 random;
  random.discard(9999);
  EXPECT_EQ(random(), 9981545732273789042u);
}

// The first raw values of mt19937_64(5489), its default seed, are 14514284786278117030, 4620546740167642908 and
// 13109570281517897720 (mt19937-64.out.txt of the generator's authors, with init_genrand64(5489)).
TEST(draw, below_is_the_raw_value_modulo_the_bound) {
  std::mt19937_64 random{5489};
  EXPECT_EQ(draw_below(random, 1000), 14514284786278117030u % 1000);
  EXPECT_EQ(draw_below(random, 1000), 4620546740167642908u % 1000);
  EXPECT_EQ(draw_below(random, 1000), 13109570281517897720u % 1000);
}

TEST(draw, below_throws_away_what_would_make_small_values_likelier) {
  // 2^64 mod (2^63 + 1) = 2^63 - 1: raw values below it are thrown away. 4620546740167642908 (the
  // second) is below, 14514284786278117030 and 13109570281517897720 (the first and third) are not.
  constexpr std::uint64_t bound = (std::uint64_t{1} << 63) + 1;
  std::mt19937_64 random{5489};
  EXPECT_EQ(draw_below(random, bound), 14514284786278117030u - bound);
  EXPECT_EQ(draw_below(random, bound), 13109570281517897720u - bound);
}

TEST(draw, below_reaches_every_value_equally_often) {
  std::mt19937_64 random{7};
  std::array<int, 5> counts{};
  for (int i = 0; i < 50'000; ++i)
    ++counts[draw_below(random, counts.size())];
  // Binomial: standard deviation sqrt(50000 * 0.2 * 0.8) = 89; five of them.
  for (const int count : counts)
    EXPECT_NEAR(count, 10'000, 450);
}

TEST(draw, below_refuses_an_empty_range) {
  std::mt19937_64 random;
  EXPECT_THROW(draw_below(random, 0), std::invalid_argument);
}

TEST(draw, unit_is_the_upper_53_bits) {
  std::mt19937_64 random{5489};
  EXPECT_EQ(draw_unit(random), static_cast<double>(14514284786278117030u >> 11) / 9007199254740992.0);
}

TEST(draw, chance_takes_one_raw_value_whatever_the_probability) {
  std::mt19937_64 never{3};
  std::mt19937_64 always{3};
  std::mt19937_64 sometimes{3};
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(draw_chance(never, 0));
    EXPECT_TRUE(draw_chance(always, 1));
    hits += draw_chance(sometimes, 0.3) ? 1 : 0;
  }
  EXPECT_NEAR(hits, 3000, 230);  // five standard deviations
  EXPECT_EQ(never, always);
  EXPECT_EQ(never, sometimes);
}

}  // namespace
}  // namespace dvar::data
