#include "models/transformer_layer.hpp"

#include "models/attention.hpp"

namespace dvar::models {

transformer_layer::transformer_layer(const scope& parameters, const transformer_layer_names& names,
                                     const transformer_layer_options& options)
    : heads_{options.heads},
      act_{options.act},
      attention_{options.attention},
      norm_attention_{parameters / names.norm_attention, options.width, options.norm_epsilon},
      query_{parameters / names.query, options.width, options.attention_width, options.projections,
             options.projection_initial},
      key_{parameters / names.key, options.width, options.attention_width, options.projections,
           options.projection_initial},
      value_{parameters / names.value, options.width, options.attention_width, options.projections,
             options.projection_initial},
      output_{parameters / names.output, options.attention_width, options.width, bias::with,
              options.residual_initial},
      norm_feed_forward_{parameters / names.norm_feed_forward, options.width, options.norm_epsilon},
      expanded_{parameters / names.expanded, options.width, options.feed_forward_width, bias::with,
                options.expanded_initial},
      contracted_{parameters / names.contracted, options.feed_forward_width, options.width, bias::with,
                  options.residual_initial} {}

at::Tensor transformer_layer::operator()(at::Tensor hidden, bool causal, const at::Tensor& keys) const {
  const at::Tensor normed = norm_attention_(hidden);
  const at::Tensor mixed = multi_head_attention(query_(normed, keys), key_(normed, keys),
                                                value_(normed, keys), heads_, causal, attention_);
  hidden = hidden + output_(mixed, keys);
  return fed_forward(hidden, keys);
}

transformer_layer::parted_states transformer_layer::operator()(const parted_states& hidden) const {
  const at::Tensor first = norm_attention_(hidden.beginning);
  const at::Tensor first_keys = key_(first), first_values = value_(first);
  const at::Tensor other = norm_attention_(hidden.rest);
  const auto behind = [&](const at::Tensor& before, const at::Tensor& own) {
    return at::cat({before.expand({own.size(0), -1, -1}), own}, /*dim=*/1);
  };
  const at::Tensor to_first =
      multi_head_attention(query_(first), first_keys, first_values, heads_, /*causal=*/true, attention_);
  const at::Tensor to_all =
      multi_head_attention(query_(other), behind(first_keys, key_(other)),
                           behind(first_values, value_(other)), heads_, /*causal=*/true, attention_);
  return {fed_forward(hidden.beginning + output_(to_first)), fed_forward(hidden.rest + output_(to_all))};
}

at::Tensor transformer_layer::fed_forward(const at::Tensor& hidden, const at::Tensor& keys) const {
  return hidden + contracted_(act_(expanded_(norm_feed_forward_(hidden), keys)), keys);
}

}  // namespace dvar::models
