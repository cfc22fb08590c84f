#pragma once

#include "torch.hpp"

namespace dvar::models {

/// How attention is computed. All give the same up to rounding.
enum class attention_form {
  automatic,  ///< `fused` where LibTorch has it, else `sliced`
  fused,      ///< LibTorch's scaled_dot_product_attention (from 2.0): never holds the matrix of scores
  sliced,     ///< some rows of the matrix of scores at a time, computed again for the gradient
  plain       ///< the whole matrix of scores, kept for the gradient
};

/// What a network trades for memory.
struct execution_options {
  attention_form attention = attention_form::automatic;
  /// Keeps the inputs of its blocks alone for the gradient, and computes the blocks again when they are needed.
  bool gradient_checkpointing = false;
};

/// Where networks live, what they compute in, and how: every choice that depends on the device is made here.
///
/// The networks are frozen and hold no sums that need more digits than they have, so they are stored and computed in
/// one type throughout, as the peers do with `torch_dtype`: there is no autocast that would decide per operation.
/// Normalisation, softmax and matrix products add up in fp32 inside LibTorch whatever the type. Vectors, losses and
/// optimisers have their own, `master()`.
struct placement {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  execution_options execution = {};

  /// The type of vectors, latents, losses and optimisers: fp32, or float64 where the networks compute in that.
  at::ScalarType master() const { return dtype == at::kDouble ? at::kDouble : at::kFloat; }

  /// A parameter as networks keep it: in `dtype`, on `device`, convolutions' weights with channels last. Always a copy:
  /// the page of a mapped file may change under us, and cannot be written to.
  at::Tensor parameter(const at::Tensor& stored) const;

  /// Pictures or latents [batch, channels, height, width] as networks take them: in `dtype`, on `device`, channels last.
  at::Tensor images(const at::Tensor& given) const;
};

}  // namespace dvar::models
