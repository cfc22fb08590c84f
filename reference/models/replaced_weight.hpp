#pragma once

#include <map>
#include <string>

#include "torch.hpp"

namespace dvar::models {

/// Holds weights [out, in] by the names of the layers that they belong to, such as
/// `mid_block.attentions.0.transformer_blocks.0.attn2.to_k`.
using layer_weights = std::map<std::string, at::Tensor>;

/// Returns input weightᵀ + offset for a weight [out, in] that stands in the place of a layer's own, in the type of the input:
/// input [batch, length, in], offset [out] or undefined; the result is [batch, length, out].
///
/// No gradient flows through the first position, neither to the weight nor to the input: it is the beginning of every prompt, and
/// Custom Diffusion (Kumari et al., arXiv 2212.04488, in its program and in diffusers' `CustomDiffusionAttnProcessor`) leaves what
/// it gives alone.
at::Tensor replaced_product(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& offset = {});

}  // namespace dvar::models
