#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Returns silu(group_norm(input)): input [batch, channels, height, width], weight and offset [channels].
///
/// The graph keeps the input and the groups' moments, and computes the norm again for the gradient: one after the other the two
/// would keep the norm too, and a residual network has a norm before every convolution.
at::Tensor normed_silu(const at::Tensor& input, std::int64_t groups, const at::Tensor& weight,
                       const at::Tensor& offset, double epsilon);

}  // namespace dvar::models
