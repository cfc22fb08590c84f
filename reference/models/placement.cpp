#include "models/placement.hpp"

namespace dvar::models {
namespace {

// Convolutions run faster with channels last, on CPUs through oneDNN and on GPUs in half precision, and the transformers'
// sequences of pixels are views of such images.
constexpr at::MemoryFormat image_format = at::MemoryFormat::ChannelsLast;

}  // namespace

at::Tensor placement::parameter(const at::Tensor& stored) const {
  const at::Tensor there = device.is_cpu() ? stored : stored.to(device);
  return there.to(dtype, /*non_blocking=*/false, /*copy=*/device.is_cpu(),
                  stored.dim() == 4 ? image_format : at::MemoryFormat::Contiguous);
}

at::Tensor placement::images(const at::Tensor& given) const {
  return given.to(given.options().dtype(dtype).device(device)).contiguous(image_format);
}

at::Tensor placement::sent(const at::Tensor& made) const {
  // Only from memory that stays where it is can a GPU read by itself.
  return device.is_cuda() ? made.pin_memory().to(device, /*non_blocking=*/true) : made.to(device);
}

}  // namespace dvar::models
