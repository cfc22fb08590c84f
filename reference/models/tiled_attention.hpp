#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Returns whether `tiled_attention` takes these: numbers of a CPU with AVX-512, in fp32 or bf16, as many positions as fill its
/// tiles, and enough for it to be the faster form.
bool has_tiled_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);

/// Computes softmax(Q K^T / sqrt(d)) V from query [batch, heads, length, width], key and value [batch, heads, context, width],
/// without the matrix of scores, in fp32: a head is the kernel's work, and heads are divided among threads, so that their
/// number changes no bit. Gradients are of first order.
at::Tensor tiled_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);

}  // namespace dvar::models
