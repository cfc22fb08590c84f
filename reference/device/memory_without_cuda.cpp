#include "device/machine_memory.hpp"
#include "device/memory.hpp"

namespace dvar::device {

std::optional<std::int64_t> free_memory(const at::Device& device) {
  return device.is_cpu() ? available_machine_memory() : std::nullopt;
}

std::optional<std::int64_t> peak_memory(const at::Device&) {
  return std::nullopt;
}

}  // namespace dvar::device
