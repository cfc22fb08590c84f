#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Returns a gelu(b), the halves of the input's last dimension being a and b (GEGLU: Shazeer, arXiv 2002.05202, section 2): input
/// [..., 2 width], the result [..., width]. The graph keeps the input alone, and the halves' gradients are one tensor from the
/// beginning.
at::Tensor gated_gelu(const at::Tensor& input);

}  // namespace dvar::models
