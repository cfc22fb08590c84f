#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Returns a weight as products compute with it: in `type`, and a convolution's [out, in, k, k] with channels last. That is the
/// weight itself where it is so already, and otherwise a copy, for the caller to drop when it has computed: networks may keep
/// their weights as a file has them, in half of the numbers' width and in memory that the system can take back.
at::Tensor laid_out(const at::Tensor& weight, at::ScalarType type);

}  // namespace dvar::models
