#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace dvar::inline v0_2 {

namespace detail {

inline constexpr std::array<std::uint32_t, 256> crc32c_remainders = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? 0x82F63B78U : 0U);
    table[byte] = remainder;
  }
  return table;
}();

}  // namespace detail

/// Computes the cyclic redundancy check of Castagnoli's polynomial (0x1EDC6F41, reflected), as in iSCSI (RFC
/// 3720, appendix B.4). Takes O(size) time, a byte at a time.
inline std::uint32_t crc32c(std::string_view bytes) noexcept {
  std::uint32_t remainder = 0xFFFFFFFFU;
  for (const char c : bytes)
    remainder =
        detail::crc32c_remainders[(remainder ^ static_cast<unsigned char>(c)) & 0xFFU] ^ (remainder >> 8);
  return ~remainder;
}

/// Computes the check as TFRecord files store it, so that the check of bytes that contain checks stays a good
/// one: turned right by 15 bits, plus 0xA282EAD8 (TensorFlow, tsl/lib/hash/crc32c.h, `Mask`).
inline std::uint32_t masked_crc32c(std::string_view bytes) noexcept {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U;
}

}  // namespace dvar::inline v0_2
