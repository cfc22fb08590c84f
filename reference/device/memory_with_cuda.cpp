#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>

#include "device/machine_memory.hpp"
#include "device/memory.hpp"

namespace dvar::device {

std::optional<std::int64_t> free_memory(const at::Device& device) {
  if (device.is_cpu()) return available_machine_memory();
  if (!device.is_cuda()) return std::nullopt;
  const c10::cuda::CUDAGuard there{device};
  std::size_t free = 0;
  std::size_t all = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &all));
  return static_cast<std::int64_t>(free);
}

std::optional<std::int64_t> peak_memory(const at::Device& device) {
  if (!device.is_cuda()) return std::nullopt;
  const auto statistics = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  constexpr auto of_all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return statistics.allocated_bytes[of_all].peak;
}

}  // namespace dvar::device
