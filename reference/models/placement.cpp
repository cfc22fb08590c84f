#include "models/placement.hpp"

namespace dvar::models {
namespace {

// Convolutions run faster with channels last, on CPUs through oneDNN and on GPUs in half precision, and the transformers'
// sequences of pixels are views of such images.
constexpr at::MemoryFormat image_format = at::MemoryFormat::ChannelsLast;

// Less is converted once: it costs little memory, and small networks would feel the time.
constexpr std::int64_t least_in_file = std::int64_t{64} << 20;

}  // namespace

bool placement::leaves_in_file(at::ScalarType stored, std::int64_t network_bytes) const {
  if (device.is_cuda() || weights == weight_place::memory) return false;
  // Also to be narrowed: that they are longer in the file costs no memory then.
  if (weights == weight_place::streamed) return true;
  if (stored != dtype && c10::elementSize(stored) >= c10::elementSize(dtype)) return false;
  return weights == weight_place::file || network_bytes >= least_in_file;
}

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
