#include "device/fast_types.hpp"

namespace dvar::device {

bool computes_fast(const at::Device& device, at::ScalarType type) {
  if (!device.is_cpu()) return true;
#if defined(__x86_64__) && defined(__GNUC__)
  if (type == at::kBFloat16) return __builtin_cpu_supports("avx512bf16") != 0;
  if (type == at::kHalf) return __builtin_cpu_supports("avx512fp16") != 0;
#endif
  static_cast<void>(type);
  return true;
}

at::ScalarType shortest_fast_type(const at::Device& device) {
#if defined(__x86_64__) && defined(__GNUC__)
  return computes_fast(device, at::kBFloat16) ? at::kBFloat16 : at::kFloat;
#else
  return device.is_cpu() ? at::kFloat : at::kBFloat16;
#endif
}

}  // namespace dvar::device
