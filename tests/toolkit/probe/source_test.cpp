#include <dvar/probe/source.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <type_traits>

namespace dvar {
namespace {

TEST(source_test, says_when_it_is_drawn) {
  EXPECT_EQ(fixed([] { return 1; }).when, sampling::fixed);
  EXPECT_EQ(resampled([] { return 1; }).when, sampling::resampled);
  EXPECT_EQ((source{[] { return 1; }, sampling::resampled}).when, sampling::resampled);
}

TEST(source_test, draws_from_the_generator_when_the_draw_takes_one) {
  std::mt19937 generator{5};
  auto from_generator = [](std::mt19937& g) { return g(); };
  auto from_nothing = [] { return std::string("constant"); };
  EXPECT_EQ(detail::draw_from(from_generator, generator), std::mt19937{5}());
  EXPECT_EQ(detail::draw_from(from_nothing, generator), "constant");
}

TEST(source_test, knows_the_value_type) {
  const auto make = [] { return std::make_unique<int>(3); };
  const auto refer = [](std::mt19937& g) -> const std::mt19937& { return g; };
  static_assert(std::is_same_v<detail::drawn_t<decltype(make), std::mt19937>, std::unique_ptr<int>>);
  static_assert(std::is_same_v<detail::drawn_t<decltype(refer), std::mt19937>, std::mt19937>);
  static_assert(drawable<decltype(refer), std::mt19937>);
  static_assert(!drawable<decltype(refer), std::mt19937_64>);
  static_assert(!drawable<int, std::mt19937>);
}

}  // namespace
}  // namespace dvar
