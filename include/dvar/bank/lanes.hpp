#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <dvar/detail/multiply_add.hpp>

#if (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error \
    "dvar/bank computes with NaN, many numbers at a time: compile this file with -fno-finite-math-only (or /fp:precise)"
#endif

/// \def DVAR_LANES
/// Names the namespace of what the bank is made of, after the instructions that it is compiled for: files that are
/// compiled for different ones may be linked into one program.
#if defined(__AVX512F__)
#define DVAR_LANES lanes_of_64_bytes
#elif defined(__AVX__) && defined(__FMA__)
#define DVAR_LANES lanes_of_32_bytes_fused
#elif defined(__AVX__)
#define DVAR_LANES lanes_of_32_bytes
#elif defined(__FMA__) || defined(__FP_FAST_FMA)
#define DVAR_LANES lanes_of_16_bytes_fused
#else
#define DVAR_LANES lanes_of_16_bytes
#endif

namespace dvar::inline v0_2::detail::inline DVAR_LANES {

/// Counts the bytes that one vector instruction of the target takes.
#if defined(__AVX512F__)
inline constexpr std::size_t lane_bytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t lane_bytes = 32;
#else
inline constexpr std::size_t lane_bytes = 16;
#endif

/// Holds a condition on each of the numbers of a `lanes`.
class lane_mask {
 public:
  /// Names a vector whose elements have all bits set where the condition holds.
  using vector = std::int64_t __attribute__((vector_size(lane_bytes)));

  /// Makes a condition that holds nowhere.
  lane_mask() = default;
  explicit lane_mask(vector bits) noexcept : bits_(bits) {}

  [[nodiscard]] bool operator[](std::size_t lane) const noexcept { return bits_[lane] != 0; }
  [[nodiscard]] vector bits() const noexcept { return bits_; }

  friend lane_mask operator&(lane_mask a, lane_mask b) noexcept { return lane_mask(a.bits_ & b.bits_); }
  friend lane_mask operator|(lane_mask a, lane_mask b) noexcept { return lane_mask(a.bits_ | b.bits_); }
  friend lane_mask operator!(lane_mask a) noexcept { return lane_mask(~a.bits_); }

  /// Returns whether the condition holds anywhere.
  friend bool any(lane_mask a) noexcept {
#if defined(__AVX512DQ__) && !defined(__clang__)
    using long_longs = long long __attribute__((vector_size(lane_bytes)));
    return __builtin_ia32_cvtq2mask512(reinterpret_cast<long_longs>(a.bits_)) != 0;
#else
    std::int64_t together = 0;
    for (std::size_t lane = 0; lane < lane_bytes / sizeof(double); ++lane)
      together |= a.bits_[lane];
    return together != 0;
#endif
  }

 private:
  vector bits_{};
};

/// Holds as many doubles as a vector instruction of the target takes. Each goes its own way: what is written
/// for a `double` and compiled for this does the same operations in the same order, and so gives the same bits.
///
/// It is made of the vector types that GCC and clang have; GCC 12 makes several instructions of two
/// operations that x86 has, so these are spelled out for it.
class lanes {
 public:
  /// Counts the doubles.
  static constexpr std::size_t count = lane_bytes / sizeof(double);

  lanes() = default;

  /// Puts the same number in every lane.
  lanes(double every) noexcept : numbers_(every - vector{}) {}  // NOLINT(google-explicit-constructor)

  /// Returns 1 where the condition holds, 0 elsewhere.
  [[nodiscard]] static lanes ones(lane_mask where) noexcept {
    const auto one = reinterpret_cast<lane_mask::vector>(lanes(1.0).numbers_);
    return lanes(reinterpret_cast<vector>(where.bits() & one));
  }

  [[nodiscard]] static lanes load(const double* from) noexcept {
    lanes loaded;
    std::memcpy(&loaded.numbers_, from, sizeof(vector));
    return loaded;
  }

  [[nodiscard]] static lanes load(const float* from) noexcept {
    float __attribute__((vector_size(lane_bytes / 2))) narrow;
    std::memcpy(&narrow, from, sizeof(narrow));
#if defined(__AVX512F__) && !defined(__clang__)
    return lanes(__builtin_ia32_cvtps2pd512_mask(narrow, vector{}, -1, 4));
#elif defined(__AVX__) && !defined(__clang__)
    return lanes(__builtin_ia32_cvtps2pd256(narrow));
#else
    return lanes(__builtin_convertvector(narrow, vector));
#endif
  }

  void set(std::size_t lane, double number) noexcept { numbers_[lane] = number; }

  void store(double* to) const noexcept { std::memcpy(to, &numbers_, sizeof(vector)); }

  lanes& operator+=(lanes other) noexcept {
    numbers_ += other.numbers_;
    return *this;
  }

  friend lanes operator-(lanes a) noexcept { return lanes(-a.numbers_); }
  friend lanes operator+(lanes a, lanes b) noexcept { return lanes(a.numbers_ + b.numbers_); }
  friend lanes operator-(lanes a, lanes b) noexcept { return lanes(a.numbers_ - b.numbers_); }
  friend lanes operator*(lanes a, lanes b) noexcept { return lanes(a.numbers_ * b.numbers_); }
  friend lanes operator/(lanes a, lanes b) noexcept { return lanes(a.numbers_ / b.numbers_); }

  friend lane_mask operator<(lanes a, lanes b) noexcept { return lane_mask(a.numbers_ < b.numbers_); }
  friend lane_mask operator>(lanes a, lanes b) noexcept { return lane_mask(a.numbers_ > b.numbers_); }
  friend lane_mask operator>=(lanes a, lanes b) noexcept { return lane_mask(a.numbers_ >= b.numbers_); }

  friend lanes select(lane_mask where, lanes a, lanes b) noexcept {
    return lanes(where.bits() ? a.numbers_ : b.numbers_);
  }

  friend lanes multiply_add(lanes a, lanes b, lanes c) noexcept {
    if constexpr (fuses) {
      lanes results;
      for (std::size_t lane = 0; lane < count; ++lane)
        results.numbers_[lane] = std::fma(a.numbers_[lane], b.numbers_[lane], c.numbers_[lane]);
      return results;
    } else {
      return a * b + c;
    }
  }

 private:
  using vector = double __attribute__((vector_size(lane_bytes)));

  explicit lanes(vector numbers) noexcept : numbers_(numbers) {}

  vector numbers_;
};

}  // namespace dvar::inline v0_2::detail::inline DVAR_LANES
