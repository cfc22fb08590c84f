#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dvar::inline v0_2::detail {

/// Returns the integer at the front of `bytes`, lowest byte first. Precondition: `bytes` holds at
/// least `sizeof(Bits)`.
template <std::unsigned_integral Bits>
constexpr Bits little_endian(std::span<const std::byte> bytes) noexcept {
  Bits value = 0;
  for (std::size_t byte = 0; byte < sizeof(Bits); ++byte)
    value = static_cast<Bits>(value | static_cast<Bits>(bytes[byte]) << (8 * byte));
  return value;
}

template <std::unsigned_integral Bits>
void append_little_endian(std::vector<std::byte>& bytes, Bits value) {
  for (std::size_t byte = 0; byte < sizeof(Bits); ++byte)
    bytes.push_back(static_cast<std::byte>(value >> (8 * byte)));
}

/// Returns the 64-bit FNV-1a checksum (Fowler, Noll, Vo), which finds damage, not malice.
constexpr std::uint64_t fnv1a(std::span<const std::byte> bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte byte : bytes)
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  return hash;
}

}  // namespace dvar::inline v0_2::detail
