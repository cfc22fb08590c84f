#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Returns a gelu(b), the halves of the input's last dimension being a and b (GEGLU: Shazeer, arXiv 2002.05202, section 2): input
/// [..., 2 width], the result [..., width]. The graph keeps the input alone, and the halves' gradients are one tensor from the
/// beginning.
at::Tensor gated_gelu(const at::Tensor& input);

/// Returns the same of the product of an input [..., in] by a weight [2 width, in], with an offset [2 width] added. Where the product
/// takes 32 MiB or more and the weight is frozen the graph keeps the product's input, and the product is computed again for the
/// gradient.
at::Tensor gated_gelu(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& offset);

}  // namespace dvar::models
