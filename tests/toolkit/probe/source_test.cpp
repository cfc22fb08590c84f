#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>

#include <gtest/gtest.h>

#include <dvar/probe/source.hpp>

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
  using values = detail::drawn_values_t<std::mt19937, source<decltype(make)>, source<decltype(refer)>>;
  static_assert(std::is_same_v<values, std::tuple<std::unique_ptr<int>, std::mt19937>>);
  static_assert(drawable<decltype(refer), std::mt19937>);
  static_assert(!drawable<decltype(refer), std::mt19937_64>);
  static_assert(!drawable<int, std::mt19937>);
}

TEST(source_test, a_source_is_drawable_from_those_before_it_alone) {
  const auto number = [](std::mt19937&) { return 1; };
  const auto text = [](const int& x) { return std::to_string(x); };
  const auto noisy = [](std::mt19937&, const std::string& s) { return s.size(); };
  using first = source<decltype(number)>;
  static_assert(drawable_sources<std::mt19937, first, source<decltype(text), 0>, source<decltype(noisy), 1>>);
  static_assert(!drawable_sources<std::mt19937, source<decltype(text), 1>, first>, "the input comes later");
  static_assert(!drawable_sources<std::mt19937, first, source<decltype(noisy), 0>>,
                "the input has another type");
  static_assert(!drawable_sources<std::mt19937_64, first>, "the generator is another one");
  EXPECT_EQ(computed<0>(text).draw(7), "7");
  EXPECT_EQ((resampled<0, 2>(text).when), sampling::resampled);
}

}  // namespace
}  // namespace dvar
