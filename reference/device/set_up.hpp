#pragma once

#include "torch.hpp"

namespace dvar::device {

/// Says how a GPU multiplies fp32 numbers.
enum class float32_products {
  exact,  ///< with all 24 bits of each factor
  tf32    ///< with 11 bits of each factor, several times as fast; sums stay fp32
};

/// Makes the process ready to compute on a device.
///
/// A GPU becomes the one that this thread means where none is named; LibTorch computes the same bits whenever it computes the
/// same, and multiplies as it is told. On a CPU both hold anyway; there memory that was freed is kept for the next tensor.
void set_up(const at::Device& device, float32_products products);

}  // namespace dvar::device
