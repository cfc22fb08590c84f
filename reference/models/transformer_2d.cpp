#include "models/transformer_2d.hpp"

#include "models/gated_gelu.hpp"

namespace dvar::models {
namespace {

constexpr double transformer_norm_epsilon = 1e-6;

attention_options self_attention(const transformer_2d_options& options) {
  return {.query_width = options.channels,
          .context_width = options.channels,
          .inner_width = options.channels,
          .heads = options.heads,
          .form = options.attention};
}

attention_options cross_attention(const transformer_2d_options& options) {
  attention_options cross = self_attention(options);
  cross.context_width = options.context_width;
  return cross;
}

}  // namespace

transformer_2d::layer::layer(const scope& parameters, const transformer_2d_options& options)
    : norm_self{parameters / "norm1", options.channels},
      self{parameters / "attn1", self_attention(options)},
      norm_cross{parameters / "norm2", options.channels},
      cross{parameters / "attn2", cross_attention(options)},
      norm_feed_forward{parameters / "norm3", options.channels},
      gated{parameters / "ff" / "net" / 0 / "proj", options.channels, 8 * options.channels},
      contracted{parameters / "ff" / "net" / 2, 4 * options.channels, options.channels} {}

at::Tensor transformer_2d::layer::operator()(at::Tensor hidden, const at::Tensor& context,
                                             const at::Tensor& keys) const {
  at::Tensor normed = norm_self(hidden);
  hidden = hidden + self(normed, normed, keys);
  hidden = hidden + cross(norm_cross(hidden), context, keys);
  return hidden + contracted(gated.added.products.empty() && !gated.replacement.defined()
                                 ? gated_gelu(norm_feed_forward(hidden), gated.weight, gated.offset)
                                 : gated_gelu(gated(norm_feed_forward(hidden), keys)),
                             keys);
}

transformer_2d::projection::projection(const scope& parameters, const transformer_2d_options& options,
                                       initial_value initial) {
  const std::int64_t channels = options.channels;
  weight = options.linear_projection ? parameters.weight({channels, channels}, initial)
                                     : parameters.weight({channels, channels, 1, 1}, initial);
  offset = parameters("bias", {channels}, initial_value::zeros());
  added = {
      .layer = parameters.name(), .in = channels, .out = channels, .convolution = !options.linear_projection};
}

at::Tensor transformer_2d::projection::operator()(const at::Tensor& sequence, const at::Tensor& keys) const {
  return added(frozen_product(sequence, weight.flatten(/*start_dim=*/1), offset), sequence, keys);
}

transformer_2d::transformer_2d(const scope& parameters, const transformer_2d_options& options)
    : norm_{parameters / "norm", options.norm_groups, options.channels, transformer_norm_epsilon},
      input_{parameters / "proj_in", options, initial_value::fan_in(options.channels)},
      output_{parameters / "proj_out", options, initial_value::zeros()} {
  for (std::int64_t i = 0; i < options.layers; ++i)
    layers_.emplace_back(parameters / "transformer_blocks" / static_cast<std::size_t>(i), options);
}

at::Tensor transformer_2d::operator()(const at::Tensor& input, const at::Tensor& context,
                                      const at::Tensor& keys) const {
  const auto pixels_as_sequence = [](const at::Tensor& image) {
    return image.permute({0, 2, 3, 1}).reshape({image.size(0), -1, image.size(1)});
  };
  at::Tensor hidden = input_(pixels_as_sequence(norm_(input)), keys);
  for (const layer& block : layers_)
    hidden = block(hidden, context, keys);
  const at::Tensor image = output_(hidden, keys)
                               .view({input.size(0), input.size(2), input.size(3), input.size(1)})
                               .permute({0, 3, 1, 2});
  return input + image;
}

}  // namespace dvar::models
