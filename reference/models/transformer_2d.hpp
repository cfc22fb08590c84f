#pragma once

#include "models/attention.hpp"

namespace dvar::models {

struct transformer_2d_options {
  std::int64_t channels = 0;
  std::int64_t heads = 1;
  std::int64_t context_width = 0;  ///< width of the text encoder's states
  std::int64_t norm_groups = 32;
  std::int64_t layers = 1;
  /// Whether to project by a linear layer on the sequence instead of a 1x1 convolution.
  bool linear_projection = false;
  attention_form attention = attention_form::fused;
};

/// Runs the spatial transformer of a UNet (Rombach et al., arXiv 2112.10752, section 3.3): every pixel
/// attends to all others and to the text. Keys and order are as in diffusers' Transformer2DModel.
class transformer_2d {
 public:
  transformer_2d(const scope& parameters, const transformer_2d_options& options);

  /// Takes input [batch, channels, height, width] and context [batch, length, context_width]; returns the
  /// input's shape. `keys` are those of `added_products`.
  at::Tensor operator()(const at::Tensor& input, const at::Tensor& context,
                        const at::Tensor& keys = {}) const;

  /// Shows a visitor the layers' places for added products.
  static void visit_added(auto& self, const auto& visitor) {
    visitor(self.input_.added);
    for (auto& block : self.layers_) {
      attention::visit_added(block.self, visitor);
      attention::visit_added(block.cross, visitor);
      visitor(block.gated.added);
      visitor(block.contracted.added);
    }
    visitor(self.output_.added);
  }

  /// Shows a visitor the layers that make keys and values of the text.
  static void visit_keys_and_values(auto& self, const auto& visitor) {
    for (auto& block : self.layers_)
      attention::visit_keys_and_values(block.cross, visitor);
  }

 private:
  struct layer {
    layer(const scope& parameters, const transformer_2d_options& options);
    at::Tensor operator()(at::Tensor hidden, const at::Tensor& context, const at::Tensor& keys) const;

    layer_norm norm_self;
    attention self;
    layer_norm norm_cross;
    attention cross;
    layer_norm norm_feed_forward;
    /// [8 x channels, channels]: values and gates of GEGLU (Shazeer, arXiv 2002.05202).
    linear gated;
    linear contracted;
  };
  /// Projects the sequence of pixels. A 1x1 convolution and a linear layer are the same map there: the weight
  /// is [channels, channels, 1, 1] in one published form and [channels, channels] in the other.
  struct projection {
    at::Tensor weight;
    at::Tensor offset;
    added_products added;
    projection(const scope& parameters, const transformer_2d_options& options, initial_value initial);
    at::Tensor operator()(const at::Tensor& sequence, const at::Tensor& keys) const;
  };

  group_norm norm_;
  projection input_;
  std::vector<layer> layers_;
  projection output_;
};

}  // namespace dvar::models
