#pragma once

#include "models/layers.hpp"
#include "models/placement.hpp"

namespace dvar::models {

/// Says what a file calls the parts of a transformer layer.
struct transformer_layer_names {
  std::string_view norm_attention;
  std::string_view query;
  std::string_view key;
  std::string_view value;
  std::string_view output;
  std::string_view norm_feed_forward;
  std::string_view expanded;
  std::string_view contracted;
};

struct transformer_layer_options {
  std::int64_t width = 0;
  std::int64_t feed_forward_width = 0;
  std::int64_t heads = 0;
  std::int64_t attention_width = 0;  ///< width of all heads together
  bias projections = bias::with;     ///< whether queries, keys and values have them
  double norm_epsilon = 1e-5;
  activation act = nullptr;
  attention_form attention = attention_form::fused;
  initial_value projection_initial;  ///< for queries, keys and values
  initial_value expanded_initial;
  initial_value residual_initial;  ///< for what is added to the states
};

/// Runs a pre-norm transformer layer (Xiong et al., arXiv 2002.04745, figure 1b): attention of the positions
/// to each other, then a feed-forward part, each behind a norm and added to the states.
class transformer_layer {
 public:
  transformer_layer(const scope& parameters, const transformer_layer_names& names,
                    const transformer_layer_options& options);

  /// Turns hidden [batch, length, width] into the same shape; causal: position i sees positions up to i only. `keys` are those of
  /// `added_products`.
  at::Tensor operator()(at::Tensor hidden, bool causal, const at::Tensor& keys = {}) const;

  /// Holds the states of texts that begin alike.
  struct parted_states {
    at::Tensor beginning;  ///< [1, first positions, width]
    at::Tensor rest;       ///< [batch, other positions, width]
  };

  /// Does the same, causally, for texts that begin alike: what they share is computed once.
  parted_states operator()(const parted_states& hidden) const;

  /// Shows a visitor the layers' places for added products.
  static void visit_added(auto& self, const auto& visitor) {
    for (auto* const layer :
         {&self.query_, &self.key_, &self.value_, &self.output_, &self.expanded_, &self.contracted_})
      visitor(layer->added);
  }

 private:
  at::Tensor fed_forward(const at::Tensor& hidden, const at::Tensor& keys = {}) const;

  std::int64_t heads_;
  activation act_;
  attention_form attention_;
  layer_norm norm_attention_;
  linear query_;
  linear key_;
  linear value_;
  linear output_;
  layer_norm norm_feed_forward_;
  linear expanded_;
  linear contracted_;
};

}  // namespace dvar::models
