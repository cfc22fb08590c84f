#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "torch.hpp"

namespace dvar::models {

/// Holds a product of two narrow matrices, which is added to that of a layer that stays as it is: LoRA (Hu et al., arXiv
/// 2106.09685, section 4.1). Of a convolution of k x k the first is one too, and the second one of 1 x 1.
struct low_rank {
  at::Tensor down;     ///< A, [rank, in]; of a convolution of k x k [rank, in, k, k]
  at::Tensor up;       ///< B, [out, rank]
  double scale = 1.0;  ///< what the product is multiplied by: alpha / rank, and how much of it is wanted
  /// The probability by which an element of A's input is dropped while it is learned, from 0 up to 1, which it is not.
  double dropout = 0.0;

  std::int64_t rank() const { return down.size(0); }

  /// Returns scale B A input: input [..., in], the result [..., out]. It is computed in the type of the input.
  at::Tensor operator()(const at::Tensor& input) const;

  /// Returns the same of a convolution: input [batch, in, height, width], the result [batch, out, ...]. Stride and padding are those
  /// of k x k; of 1 x 1 they are 1 and 0.
  at::Tensor convolved(const at::Tensor& input, std::int64_t stride, std::int64_t padding) const;
};

/// Holds low-rank products by the names of the layers that they are added to, such as
/// `mid_block.attentions.0.transformer_blocks.0.attn1.to_q`.
using low_rank_products = std::map<std::string, std::vector<low_rank>>;

/// Is the place of a layer for what is added to its product.
struct added_products {
  std::string layer;  ///< the layer's name in the files of its network
  std::int64_t in = 0;
  std::int64_t out = 0;
  bool convolution = false;  ///< says that the layer is a convolution in the files
  std::vector<low_rank> products{};
  std::int64_t kernel = 1;  ///< height and width of the convolution
  /// Says whether what the network is used for comes through the layer: with Stable Diffusion XL, the last layer of the first text
  /// encoder has no part in it.
  bool has_effect = true;

  /// Returns `product`, the layer's own, and what is added to it. With `keys` int64 [batch], elements of the input are dropped as the
  /// products want: see `kept_elements`.
  at::Tensor operator()(at::Tensor product, const at::Tensor& input, const at::Tensor& keys = {}) const;

  /// Returns the same of a convolution.
  at::Tensor convolved(at::Tensor product, const at::Tensor& input, std::int64_t stride, std::int64_t padding,
                       const at::Tensor& keys = {}) const;
};

/// Returns what tells a layer from others where random numbers are made of it: FNV-1a of its name, 64 bits.
std::uint64_t salt_of(std::string_view layer);

/// Adds products to those of the layers of their names. Throws `std::invalid_argument` when there is no such layer, or it has other
/// sizes.
void add(const low_rank_products& added, const std::vector<added_products*>& layers);

/// Appends the factors at a layer that are to be learned.
void append_trained(const added_products& layer, std::vector<at::Tensor>& trained);

}  // namespace dvar::models
