#include "device/set_up.hpp"

#include <cstdlib>

#include <c10/core/impl/VirtualGuardImpl.h>

namespace dvar::device {

void set_up(const at::Device& device, float32_products products) {
  if (!device.is_cuda()) return;
  // Else a process that trains on the second GPU would open the first too: pinned memory belongs to the current one.
  c10::impl::VirtualGuardImpl{device.type()}.setDevice(device);
  at::Context& context = at::globalContext();
  const bool allowed = products == float32_products::tf32;
  context.setAllowTF32CuBLAS(allowed);
  context.setAllowTF32CuDNN(allowed);
  // cuBLAS adds up in one order only with a workspace of a fixed size, which it reads when it starts. This one is its own for
  // the GPUs of today.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  // The gradient of attention adds up in one order, and convolutions take algorithms that do.
  context.setDeterministicAlgorithms(true, /*warn_only=*/true);
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
}

}  // namespace dvar::device
