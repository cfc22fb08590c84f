#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dvar::weights {

/// Hashes bytes by 64-bit FNV-1a: it finds accidents, and nobody has a reason to make two files with the same one.
class content_hash {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) {
      state_ ^= static_cast<unsigned char>(byte);
      state_ *= 0x100000001b3U;
    }
  }

  [[nodiscard]] std::uint64_t value() const { return state_; }

  /// Returns the value as 16 hexadecimal digits.
  [[nodiscard]] std::string text() const;

 private:
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

/// Says how much of large files is hashed.
enum class hashed_part { samples, whole };

/// Returns the hash of files' sizes and bytes, in this order. Of one that is larger than 64 MB, `samples` takes the first
/// megabyte, where safetensors have their header, the last, and 64 pages evenly between: other weights differ there, a
/// single flipped bit may not. Throws `dvar::input_error` when a file cannot be read.
[[nodiscard]] std::string hash_of_files(const std::vector<std::filesystem::path>& files, hashed_part part);

}  // namespace dvar::weights
