#pragma once

#include "models/layers.hpp"
#include "models/placement.hpp"

namespace dvar::models {

/// Computes softmax(Q K^T / sqrt(d)) V over `heads` heads (Vaswani et al., arXiv 1706.03762, equation 1) from
/// query [batch, length, width], key and value [batch, context, width]; returns [batch, length, width].
/// causal: the last position sees all of the context, the one before it all but the last, and so on.
at::Tensor multi_head_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                std::int64_t heads, bool causal = false,
                                attention_form form = attention_form::fused);

struct attention_options {
  std::int64_t query_width = 0;
  std::int64_t context_width = 0;  ///< width of what keys and values are computed from
  std::int64_t inner_width = 0;    ///< heads times the width of a head
  std::int64_t heads = 1;
  bias projections = bias::without;
  attention_form form = attention_form::fused;
};

/// Runs the attention layer of diffusers' blocks: `to_q`, `to_k`, `to_v`, `to_out.0`.
class attention {
 public:
  attention(const scope& parameters, const attention_options& options);

  /// Takes hidden [batch, length, query_width] and context [batch, context length, context_width]; `keys` are those of
  /// `added_products`.
  at::Tensor operator()(const at::Tensor& hidden, const at::Tensor& context,
                        const at::Tensor& keys = {}) const;

  /// Shows a visitor the layers' places for added products.
  static void visit_added(auto& self, const auto& visitor) {
    for (auto* const layer : {&self.to_query_, &self.to_key_, &self.to_value_, &self.to_output_})
      visitor(layer->added);
  }

  /// Shows a visitor the layers that keys and values are computed by.
  static void visit_keys_and_values(auto& self, const auto& visitor) {
    for (auto* const layer : {&self.to_key_, &self.to_value_})
      visitor(*layer);
  }

 private:
  std::int64_t heads_;
  attention_form form_;
  linear to_query_;
  linear to_key_;
  linear to_value_;
  linear to_output_;
};

}  // namespace dvar::models
