#pragma once

#include <map>
#include <string>
#include <vector>

#include "torch.hpp"

namespace dvar::models {

/// Holds a product of two narrow matrices, which is added to that of a layer that stays as it is: LoRA (Hu et al., arXiv
/// 2106.09685, section 4.1).
struct low_rank {
  at::Tensor down;     ///< A, [rank, in]
  at::Tensor up;       ///< B, [out, rank]
  double scale = 1.0;  ///< what the product is multiplied by: alpha / rank, and how much of it is wanted

  std::int64_t rank() const { return down.size(0); }

  /// Returns scale B A input: input [..., in], the result [..., out]. It is computed in the type of the input.
  at::Tensor operator()(const at::Tensor& input) const;
};

/// Holds low-rank products by the names of the layers that they are added to, such as
/// `mid_block.attentions.0.transformer_blocks.0.attn1.to_q`.
using low_rank_products = std::map<std::string, std::vector<low_rank>>;

/// Is the place of a layer for what is added to its product.
struct added_products {
  std::string layer;  ///< the layer's name in the files of its network
  std::int64_t in = 0;
  std::int64_t out = 0;
  bool convolution = false;  ///< says that the layer is a 1x1 convolution in the files
  std::vector<low_rank> products{};

  /// Returns `product`, the layer's own, and what is added to it.
  at::Tensor operator()(at::Tensor product, const at::Tensor& input) const {
    for (const low_rank& each : products)
      product = product + each(input);
    return product;
  }
};

}  // namespace dvar::models
