#include <cmath>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <dvar/text/decimal.hpp>
#include <dvar/text/number.hpp>

namespace dvar {
namespace {

using detail::parse_decimal;

// What it stands in for is at hand here.
TEST(decimal_test, equals_from_chars_on_texts_that_are_numbers) {
  for (const char* const text : {"0",
                                 "-0",
                                 "0.0",
                                 "00.10",
                                 "1",
                                 "-1.5",
                                 ".5",
                                 "5.",
                                 "1e5",
                                 "1E5",
                                 "1e+5",
                                 "1e-5",
                                 "-2.5e3",
                                 "0e999",
                                 "3.14159265358979",
                                 "1e23",
                                 "8.98846567431158e307",
                                 "1.7976931348623157e308",
                                 "-1.7976931348623157e308",
                                 "2.2250738585072014e-308",
                                 "5e-324",
                                 "1e-310",
                                 "123456789012345678901234567890",
                                 "0.1000000000000000055511151231257827",
                                 "inf",
                                 "-inf",
                                 "INF",
                                 "Infinity"}) {
    const std::optional<double> expected = parse_number<double>(text);
    ASSERT_TRUE(expected) << text;
    const std::optional<double> value = parse_decimal<double>(text);
    ASSERT_EQ(value, expected) << text;
    EXPECT_EQ(std::signbit(*value), std::signbit(*expected)) << text;
  }
  EXPECT_TRUE(std::isnan(parse_decimal<double>("nan").value()));
  EXPECT_TRUE(std::isnan(parse_decimal<double>("-NaN").value()));
  EXPECT_EQ(parse_decimal<float>("0.1"), 0.1f);
}

TEST(decimal_test, refuses_what_from_chars_refuses) {
  for (const char* const text :
       {"",     "-",   ".",     "-.",     "e5",     "1e",    "1e+",   "1e5.0", " 1",
        "1 ",   "+1",  "--1",   "1,5",    "0x10",   "1f",    "1.2.3", "in",    "infinite",
        "nano", "one", "1e999", "-1e999", "1e-400", "1'000", "1_0",   "\t1",   "1\n"}) {
    ASSERT_EQ(parse_number<double>(text), std::nullopt) << text;
    EXPECT_EQ(parse_decimal<double>(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_decimal<double>(std::string("1\0", 2)), std::nullopt);
  EXPECT_EQ(parse_decimal<float>("1e39"), std::nullopt);
}

}  // namespace
}  // namespace dvar
