#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/probe/draws.hpp>

namespace dvar {
namespace {

TEST(draws_test, parts_cover_the_range_without_overlap) {
  for (const std::size_t size : {3, 7, 512, 1000}) {
    for (const std::size_t parts : {std::size_t{1}, std::size_t{2}, std::size_t{3}, size}) {
      std::size_t next = 40;
      for (std::size_t i = 0; i < parts; ++i) {
        const index_range part = index_range{40, 40 + size}.part(i, parts);
        EXPECT_EQ(part.first, next);
        EXPECT_GE(part.size(), size / parts);
        EXPECT_LE(part.size(), size / parts + 1);
        next = part.last;
      }
      EXPECT_EQ(next, 40 + size);
    }
  }
  EXPECT_EQ((index_range{0, 1000}.part(0, 3)), (index_range{0, 333}));
  EXPECT_EQ((index_range{0, 1000}.part(1, 3)), (index_range{333, 666}));
  EXPECT_EQ((index_range{0, 1000}.part(2, 3)), (index_range{666, 1000}));
}

TEST(draws_test, refuses_parts_that_there_are_not) {
  EXPECT_THAT(
      [] { (void)(index_range{0, 10}.part(3, 3)); },
      testing::ThrowsMessage<std::invalid_argument>("index_range: there is no part 3 of 3 in 10 numbers"));
  EXPECT_THROW((void)(index_range{0, 2}.part(0, 3)), std::invalid_argument);
}

/// A generator whose range is no power of two and does not begin at 0.
struct ten_sided {
  using result_type = unsigned;
  static constexpr result_type min() { return 5; }
  static constexpr result_type max() { return 14; }
  result_type operator()() { return static_cast<result_type>(5 + engine() % 10); }
  std::mt19937 engine{1};
};

template <class Generator>
void expect_equally_likely(Generator generator) {
  std::vector<int> counts(7);
  for (int i = 0; i < 7000; ++i)
    ++counts[draw_index(generator, {100, 107}) - 100];
  // 6 degrees of freedom: scipy.stats.chi2.isf(1e-6, 6) = 38.3
  double chi_square = 0.0;
  for (const int count : counts)
    chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_square, 38.3);
}

TEST(draws_test, every_number_is_equally_likely_with_generators_of_any_range) {
  expect_equally_likely(std::mt19937_64{1});
  expect_equally_likely(std::mt19937{1});
  expect_equally_likely(std::minstd_rand{1});
  expect_equally_likely(ten_sided{});
}

// The first raw values of mt19937_64(5489), its default seed, are 14514284786278117030, 4620546740167642908 and
// 13109570281517897720 (mt19937-64.out.txt of the generator's authors, with init_genrand64(5489)).
TEST(draws_test, below_a_bound_is_the_raw_value_modulo_it) {
  std::mt19937_64 generator{5489};
  EXPECT_EQ(draw_below(generator, 1000U), 14514284786278117030U % 1000);
  EXPECT_EQ(draw_below(generator, std::int64_t{1000}), 4620546740167642908 % 1000);
  EXPECT_EQ(draw_below(generator, 1000), 13109570281517897720U % 1000);
}

TEST(draws_test, what_would_make_small_values_likelier_is_thrown_away) {
  // 2^64 mod (2^63 + 1) = 2^63 - 1: raw values below it are thrown away. 4620546740167642908 (the second) is below,
  // 14514284786278117030 and 13109570281517897720 (the first and third) are not.
  constexpr std::uint64_t bound = (std::uint64_t{1} << 63) + 1;
  std::mt19937_64 generator{5489};
  EXPECT_EQ(draw_below(generator, bound), 14514284786278117030U - bound);
  EXPECT_EQ(draw_below(generator, bound), 13109570281517897720U - bound);
}

TEST(draws_test, a_unit_is_the_upper_53_bits) {
  std::mt19937_64 generator{5489};
  EXPECT_EQ(draw_unit(generator), static_cast<double>(14514284786278117030U >> 11) / 9007199254740992.0);
}

TEST(draws_test, a_chance_takes_one_raw_value_whatever_the_probability) {
  std::mt19937_64 never{3};
  std::mt19937_64 always{3};
  std::mt19937_64 sometimes{3};
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(draw_chance(never, 0.0));
    EXPECT_TRUE(draw_chance(always, 1.0));
    hits += draw_chance(sometimes, 0.3) ? 1 : 0;
  }
  EXPECT_NEAR(hits, 3000, 230);  // five standard deviations
  EXPECT_EQ(never, always);
  EXPECT_EQ(never, sometimes);
}

TEST(draws_test, a_range_of_one_number_has_no_choice) {
  std::mt19937_64 generator{1};
  EXPECT_EQ(draw_index(generator, {8, 9}), 8U);
}

TEST(draws_test, distinct_numbers_are_the_first_of_one_permutation) {
  std::mt19937_64 generator{3};
  std::mt19937_64 same{3};
  const auto all = draw_distinct(generator, {10, 30}, 20);
  const auto four = draw_distinct(same, {10, 30}, 4);
  EXPECT_TRUE(std::equal(four.begin(), four.end(), all.begin()));
  const std::set<std::size_t> different(all.begin(), all.end());
  EXPECT_EQ(different.size(), 20U);
  EXPECT_EQ(*different.begin(), 10U);
  EXPECT_EQ(*different.rbegin(), 29U);
}

TEST(draws_test, every_permutation_is_equally_likely) {
  std::mt19937_64 generator{4};
  std::map<std::vector<std::size_t>, int> counts;
  for (int i = 0; i < 6000; ++i)
    ++counts[draw_distinct(generator, {0, 3}, 3)];
  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [order, count] : counts)
    EXPECT_NEAR(count, 1000, 6 * std::sqrt(1000.0 * 5 / 6));
}

TEST(draws_test, stratified_numbers_come_one_from_each_part) {
  std::mt19937_64 generator{5};
  for (int i = 0; i < 100; ++i) {
    const auto steps = draw_stratified(generator, {0, 1000}, 4);
    ASSERT_EQ(steps.size(), 4U);
    for (std::size_t part = 0; part < 4; ++part)
      EXPECT_EQ(steps[part] / 250, part);
  }
  EXPECT_TRUE(draw_stratified(generator, {0, 1000}, 0).empty());
}

TEST(draws_test, of_more_parts_than_numbers_each_is_one_number) {
  std::mt19937_64 generator{5};
  EXPECT_THAT(draw_stratified(generator, {10, 13}, 7), testing::ElementsAre(10, 10, 10, 11, 11, 12, 12));
}

TEST(draws_test, a_third_bounds_the_draws) {
  std::mt19937_64 generator{6};
  for (const std::size_t step : draw_distinct(generator, index_range{0, 1000}.part(2, 3), 64)) {
    EXPECT_GE(step, 666U);
    EXPECT_LT(step, 1000U);
  }
}

TEST(draws_test, the_seed_decides_with_every_standard_library) {
  // The 10000th of std::mt19937_64 is 9981545732273789042: ISO C++, [rand.predef].
  std::mt19937_64 generator;
  generator.discard(9999);
  EXPECT_EQ(draw_index(generator, {0, std::size_t{1} << 32}),
            9981545732273789042U % (std::uint64_t{1} << 32));
}

TEST(draws_test, refuses_what_cannot_be_drawn) {
  std::mt19937_64 generator;
  EXPECT_THAT(
      [&] { draw_index(generator, {4, 4}); },
      testing::ThrowsMessage<std::invalid_argument>("draw_index: the range from 4 to below 4 is empty"));
  EXPECT_THAT([&] { draw_below(generator, -1); }, testing::ThrowsMessage<std::invalid_argument>(
                                                      "draw_below: expected a bound of at least 1, got -1"));
  EXPECT_THAT([&] { draw_distinct(generator, {0, 3}, 4); },
              testing::ThrowsMessage<std::invalid_argument>(
                  "draw_distinct: there are no 4 different numbers from 0 to below 3"));
  EXPECT_THAT(
      [&] { draw_stratified(generator, {4, 4}, 2); },
      testing::ThrowsMessage<std::invalid_argument>("draw_stratified: the range from 4 to below 4 is empty"));
}

}  // namespace
}  // namespace dvar
