#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include <gtest/gtest.h>

#include <dvar/text/number.hpp>

namespace dvar {
namespace {

constexpr double number_infinity = std::numeric_limits<double>::infinity();

TEST(number_test, the_shortest_text_reads_back_as_the_same_number) {
  for (const double value : {0.1, 1.0 / 3.0, 1e23, 5e-324, -0.0, number_infinity, -number_infinity}) {
    const std::optional<double> read = parse_number<double>(shortest_text(value));
    ASSERT_EQ(read, value);
    EXPECT_EQ(std::signbit(*read), std::signbit(value));
  }
  EXPECT_EQ(shortest_text(0.1), "0.1");
  EXPECT_EQ(shortest_text(number_infinity), "inf");
}

TEST(number_test, a_nan_has_one_text_whatever_its_sign) {
  EXPECT_EQ(shortest_text(std::nan("")), "nan");
  EXPECT_EQ(shortest_text(-std::nan("")), "nan");
  EXPECT_TRUE(std::isnan(parse_number<double>("nan").value()));
}

TEST(number_test, a_sentence_has_six_digits) {
  EXPECT_EQ(brief_text(1.0 / 3.0), "0.333333");
  EXPECT_EQ(brief_text(0.15), "0.15");
  EXPECT_EQ(brief_text(1234567.0), "1.23457e+06");
}

TEST(number_test, only_a_whole_text_is_a_number) {
  EXPECT_EQ(parse_number<double>("-2.5e3"), -2500.0);
  EXPECT_EQ(parse_number<std::int64_t>("-7"), -7);
  for (const char* const text : {"", " 1", "1 ", "+1", "1,5", "0x10", "one", "1e999"})
    EXPECT_EQ(parse_number<double>(text), std::nullopt) << text;
  EXPECT_EQ(parse_number<std::int64_t>("1.5"), std::nullopt);
  EXPECT_EQ(parse_number<std::uint8_t>("256"), std::nullopt);
  EXPECT_EQ(parse_number<std::size_t>("-1"), std::nullopt);
}

}  // namespace
}  // namespace dvar
