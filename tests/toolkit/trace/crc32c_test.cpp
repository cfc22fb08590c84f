#include <string>

#include <gtest/gtest.h>

#include <dvar/trace/crc32c.hpp>

namespace dvar {
namespace {

// RFC 3720, appendix B.4, and the check value that every catalog of such codes has.
TEST(crc32c_test, gives_the_published_values) {
  std::string rising;
  for (char c = 0; c < 32; ++c)
    rising += c;
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(rising), 0x46DD794EU);
  EXPECT_EQ(crc32c(std::string(rising.rbegin(), rising.rend())), 0x113FDB5CU);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(crc32c_test, is_masked_by_a_rotation_and_a_sum) {
  EXPECT_EQ(masked_crc32c(""), 0xA282EAD8U);
  EXPECT_EQ(masked_crc32c("123456789"), ((0xE3069283U >> 15) | (0xE3069283U << 17)) + 0xA282EAD8U);
}

}  // namespace
}  // namespace dvar
