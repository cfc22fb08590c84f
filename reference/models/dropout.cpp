#include "models/dropout.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace dvar::models {
namespace {

constexpr std::int64_t as_signed(std::uint64_t bits) {
  return static_cast<std::int64_t>(bits);
}

/// Moves the bits of 64-bit numbers to the right; zeros come in from the left, whatever the sign.
at::Tensor moved_right(const at::Tensor& numbers, std::int64_t bits) {
  return at::bitwise_right_shift(numbers, bits).bitwise_and_((std::int64_t{1} << (64 - bits)) - 1);
}

/// Mixes the bits of 64-bit numbers in place, so that neighbors have nothing in common: the finalizer of SplitMix64 (Steele, Lea and
/// Flood, OOPSLA 2014, figure 16, with the constants of Stafford's variant 13). Products and sums of int64 keep the lowest 64 bits.
at::Tensor mixed(at::Tensor numbers) {
  numbers.bitwise_xor_(moved_right(numbers, 30)).mul_(as_signed(0xbf58476d1ce4e5b9U));
  numbers.bitwise_xor_(moved_right(numbers, 27)).mul_(as_signed(0x94d049bb133111ebU));
  return numbers.bitwise_xor_(moved_right(numbers, 31));
}

}  // namespace

at::Tensor kept_elements(at::IntArrayRef sizes, double dropout, const at::Tensor& keys, std::uint64_t salt) {
  if (keys.dim() != 1 || sizes.empty() || keys.size(0) != sizes.front()) {
    throw std::invalid_argument(
        fmt::format("dropout: expected a key for each of the inputs, found {} keys", keys.numel()));
  }
  const std::int64_t elements = c10::multiply_integers(sizes.slice(1));
  const at::Tensor streams = mixed(at::bitwise_xor(keys, as_signed(salt)));
  // SplitMix64 counts up by the golden ratio of 2^64.
  const at::Tensor places =
      torch::arange(1, elements + 1, keys.options()).mul_(as_signed(0x9e3779b97f4a7c15U));
  const at::Tensor numbers = mixed(streams.unsqueeze(1) + places);
  // Of the numbers from -2^63 up to 2^63 these are below; the limit itself is no double.
  const double limit = std::min((0.5 - dropout) * 0x1p64, 0x1p63 - 0x1p10);
  return numbers.lt(static_cast<std::int64_t>(limit)).view(sizes);
}

at::Tensor dropped_out(const at::Tensor& input, double dropout, const at::Tensor& keys, std::uint64_t salt) {
  if (dropout == 0.0) return input;
  const at::Tensor kept = kept_elements(input.sizes(), dropout, keys, salt).to(input.scalar_type());
  return input * kept.mul_(1.0 / (1.0 - dropout));
}

}  // namespace dvar::models
