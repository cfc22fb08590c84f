#pragma once

#include "torch.hpp"

namespace dvar::device {

/// Says how a GPU multiplies fp32 numbers.
enum class float32_products {
  exact,  ///< with all 24 bits of each factor
  tf32    ///< with 11 bits of each factor, several times as fast; sums stay fp32
};

/// Makes a GPU the one that this thread means where none is named, and has LibTorch compute the same bits whenever it computes
/// the same, and multiply as it is told. Both hold for the whole process. A CPU needs none of this.
void set_up(const at::Device& device, float32_products products);

}  // namespace dvar::device
