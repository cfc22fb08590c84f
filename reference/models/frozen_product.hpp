#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Returns input weightᵀ + offset: input [..., in], weight [out, in], offset [out] or undefined; the result is [..., out], in the
/// type of the input, to which a frozen weight of another type is brought for as long as it is needed, also for the gradient.
///
/// In fp32 on a CPU, with a weight that is not trained, oneDNN computes it and its gradient, from the weight as it lies: LibTorch
/// gives them to the BLAS that it was built with, which on some processors has no kernels for their widest vectors. Otherwise this
/// is `at::linear`. Both give the same up to rounding.
at::Tensor frozen_product(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& offset = {});

/// Returns whether `frozen_product` is oneDNN's for such tensors.
bool has_frozen_product(const at::Tensor& input, const at::Tensor& weight);

}  // namespace dvar::models
