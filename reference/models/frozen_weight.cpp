#include "models/frozen_weight.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

namespace dvar::models {
namespace {

/// Writes [rows, channels, places] as [rows, places, channels].
template <class From, class To>
void turn(const From* from, To* to, std::int64_t rows, std::int64_t channels, std::int64_t places) {
  const std::int64_t row = channels * places;
  // Rows of a convolution's weight fit the first cache, where the long steps between one place's channels cost nothing.
  at::parallel_for(0, rows, /*grain_size=*/std::max<std::int64_t>(1, 32768 / row),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t r = begin; r < end; ++r) {
                       for (std::int64_t p = 0; p < places; ++p) {
                         const From* source = from + r * row + p;
                         To* target = to + r * row + p * channels;
                         for (std::int64_t c = 0; c < channels; ++c)
                           target[c] = c10::convert<To>(source[c * places]);
                       }
                     }
                   });
}

/// Returns a convolution's contiguous weight on a CPU in another type, with channels last: in one pass, where LibTorch's copy
/// between layouts goes number by number through its strides.
at::Tensor turned(const at::Tensor& weight, at::ScalarType type) {
  const at::Tensor result =
      torch::empty(weight.sizes(), weight.options().dtype(type), at::MemoryFormat::ChannelsLast);
  const std::int64_t places = weight.size(2) * weight.size(3);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, weight.scalar_type(), "laid_out", [&] {
    using from = scalar_t;
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, type, "laid_out", [&] {
      turn(weight.const_data_ptr<from>(), result.mutable_data_ptr<scalar_t>(), weight.size(0), weight.size(1),
           places);
    });
  });
  return result;
}

}  // namespace

at::Tensor laid_out(const at::Tensor& weight, at::ScalarType type) {
  if (weight.dim() != 4) return weight.to(type);
  // Where memory is counted: oneDNN packs the weight of every convolution for itself, also one that is in order.
  if (weight.is_meta())
    return torch::empty(weight.sizes(), weight.options().dtype(type), at::MemoryFormat::ChannelsLast);
  const bool turns = weight.size(2) * weight.size(3) > 1 && weight.is_cpu() && weight.is_contiguous() &&
                     !weight.is_contiguous(at::MemoryFormat::ChannelsLast);
  return turns ? turned(weight, type)
               : weight.to(type, /*non_blocking=*/false, /*copy=*/false, at::MemoryFormat::ChannelsLast);
}

}  // namespace dvar::models
