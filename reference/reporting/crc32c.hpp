#pragma once

#include <cstdint>
#include <string_view>

namespace dvar::reporting {

/// Computes the cyclic redundancy check of Castagnoli's polynomial (0x1EDC6F41, reflected), as in iSCSI (RFC
/// 3720, appendix B.4). Takes O(size) time, a byte at a time.
std::uint32_t crc32c(std::string_view bytes);

/// Computes the check as TFRecord files store it, so that the check of bytes that contain checks stays a good
/// one: turned right by 15 bits, plus 0xA282EAD8 (TensorFlow, tsl/lib/hash/crc32c.h, `Mask`).
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace dvar::reporting
