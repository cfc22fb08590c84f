#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Returns the convolution of input [batch, in, height, width] by weight [out, in, k, k] and offset [out] or undefined, with the
/// same stride and padding both ways.
///
/// Where `frozen_product` is oneDNN's and pixels are few beside channels, it is one product: of the weight as it lies, which has
/// channels last, and the pixels that each result sees, one beside the other. `at::conv2d` would lay out the weight anew at every
/// call, for longer than it computes. Otherwise it is `at::conv2d`. Both give the same up to rounding. A weight of another type than the
/// input is treated as `frozen_product` does, and of a frozen weight's convolution the graph keeps nothing but the weight.
at::Tensor frozen_convolution(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& offset,
                              std::int64_t stride, std::int64_t padding);

}  // namespace dvar::models
