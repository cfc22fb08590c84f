#include "models/unet_2d_condition.hpp"

#include <cmath>
#include <stdexcept>

#include "device/phases.hpp"
#include "models/network_block.hpp"

namespace dvar::models {
namespace {

/// Returns the factors of a block's added products that are to be learned.
template <class Block>
std::vector<at::Tensor> trained_factors(const Block& block) {
  std::vector<at::Tensor> trained;
  Block::visit_added(block, [&](const added_products& layer) { append_trained(layer, trained); });
  return trained;
}

/// Returns these and the replaced weights that are to be learned.
std::vector<at::Tensor> trained_tensors(const transformer_2d& block) {
  std::vector<at::Tensor> trained = trained_factors(block);
  transformer_2d::visit_keys_and_values(block, [&](const linear& layer) {
    if (layer.replacement.defined() && layer.replacement.requires_grad())
      trained.push_back(layer.replacement);
  });
  return trained;
}

}  // namespace

at::Tensor sinusoidal_embedding(const at::Tensor& timesteps, std::int64_t width, bool sine_second,
                                double frequency_shift) {
  const std::int64_t half = width / 2;
  // The product comes before the quotient, as in training: angles go up to the last timestep in fp32, where
  // another order of rounding is already seen.
  const at::Tensor exponent = torch::arange(half, timesteps.options().dtype(at::kFloat)) *
                              -std::log(10000.0) / (static_cast<double>(half) - frequency_shift);
  const at::Tensor angle = timesteps.to(at::kFloat).unsqueeze(1) * exponent.exp().unsqueeze(0);
  const at::Tensor sine = angle.sin();
  const at::Tensor cosine = angle.cos();
  return sine_second ? at::cat({cosine, sine}, /*dim=*/1) : at::cat({sine, cosine}, /*dim=*/1);
}

unet_2d_condition::added_embedding::added_embedding(const scope& parameters, const unet_options& options,
                                                    std::int64_t time_width)
    : first{parameters / "linear_1", options.pooled_width + sizes_of_picture * options.size_embedding_width,
            time_width},
      second{parameters / "linear_2", time_width, time_width} {}

at::Tensor unet_2d_condition::added_embedding::operator()(const conditioning& context,
                                                          const unet_options& options) const {
  const at::Tensor sizes = sinusoidal_embedding(context.sizes.flatten(), options.size_embedding_width,
                                                options.sine_second, options.frequency_shift)
                               .view({context.sizes.size(0), -1})
                               .to(context.pooled.scalar_type());
  return second(at::silu(first(at::cat({context.pooled, sizes}, /*dim=*/1))));
}

unet_2d_condition::unet_2d_condition(const scope& parameters, const unet_options& options)
    : options_{options},
      time_width_{4 * options.block_channels.front()},
      convolution_in_{parameters / "conv_in", options.in_channels, options.block_channels.front()},
      time_first_{parameters / "time_embedding" / "linear_1", options.block_channels.front(), time_width_},
      time_second_{parameters / "time_embedding" / "linear_2", time_width_, time_width_},
      middle_first_{parameters / "mid_block" / "resnets" / 0,
                    resnet(options.block_channels.back(), options.block_channels.back())},
      middle_transformer_{parameters / "mid_block" / "attentions" / 0,
                          transformer(options.block_channels.size() - 1)},
      middle_second_{parameters / "mid_block" / "resnets" / 1,
                     resnet(options.block_channels.back(), options.block_channels.back())},
      norm_out_{parameters / "conv_norm_out", options.norm_groups, options.block_channels.front(),
                options.norm_epsilon},
      convolution_out_{parameters / "conv_out",
                       options.block_channels.front(),
                       options.out_channels,
                       {.starts_at_zero = true}} {
  if (options.pooled_width > 0) added_.emplace(parameters / "add_embedding", options, time_width_);
  build_down(parameters / "down_blocks");
  build_up(parameters / "up_blocks");
}

resnet_options unet_2d_condition::resnet(std::int64_t in, std::int64_t out) const {
  return {.in = in,
          .out = out,
          .time_width = time_width_,
          .norm_groups = options_.norm_groups,
          .norm_epsilon = options_.norm_epsilon};
}

transformer_2d_options unet_2d_condition::transformer(std::size_t index) const {
  return {.channels = options_.block_channels[index],
          .heads = options_.heads[index],
          .context_width = options_.context_width,
          .norm_groups = options_.norm_groups,
          .layers = options_.transformer_layers[index],
          .linear_projection = options_.linear_projection,
          .attention = options_.execution.attention};
}

void unet_2d_condition::build_down(const scope& parameters) {
  std::int64_t in = options_.block_channels.front();
  for (std::size_t i = 0; i < options_.block_channels.size(); ++i) {
    const scope here = parameters / i;
    const std::int64_t out = options_.block_channels[i];
    level block;
    for (std::size_t j = 0; j < static_cast<std::size_t>(options_.layers_per_block); ++j) {
      block.resnets.emplace_back(here / "resnets" / j, resnet(in, out));
      if (options_.down_attention[i])
        block.transformers.emplace_back(here / "attentions" / j, transformer(i));
      in = out;
    }
    if (i + 1 < options_.block_channels.size())
      block.down.emplace(here / "downsamplers" / 0, out, downsampling::padding::symmetric);
    down_.push_back(std::move(block));
  }
}

void unet_2d_condition::build_up(const scope& parameters) {
  const std::vector<std::int64_t> coarsest_first{options_.block_channels.rbegin(),
                                                 options_.block_channels.rend()};
  const std::size_t levels = coarsest_first.size();
  const auto layers = static_cast<std::size_t>(options_.layers_per_block) + 1;
  std::int64_t in = coarsest_first.front();
  for (std::size_t i = 0; i < levels; ++i) {
    const scope here = parameters / i;
    const std::int64_t out = coarsest_first[i];
    // The last skip connection of a level comes from the level below's input, which is one level finer.
    const std::int64_t last_skip = coarsest_first[std::min(i + 1, levels - 1)];
    level block;
    for (std::size_t j = 0; j < layers; ++j) {
      const std::int64_t skip = j + 1 == layers ? last_skip : out;
      block.resnets.emplace_back(here / "resnets" / j, resnet(in + skip, out));
      if (options_.up_attention[i])
        block.transformers.emplace_back(here / "attentions" / j, transformer(levels - 1 - i));
      in = out;
    }
    if (i + 1 < levels) block.up.emplace(here / "upsamplers" / 0, out);
    up_.push_back(std::move(block));
  }
}

at::Tensor unet_2d_condition::call(const resnet_block& block, const at::Tensor& input, const at::Tensor& time,
                                   const at::Tensor& keys) const {
  return call_block([&block, keys](at::TensorList inputs) { return block(inputs[0], inputs[1], keys); },
                    {input, time}, options_.execution.gradient_checkpointing, trained_factors(block));
}

at::Tensor unet_2d_condition::call(const resnet_block& block, const at::Tensor& input, const at::Tensor& skip,
                                   const at::Tensor& time, const at::Tensor& keys) const {
  // The input is put together inside the block: its parts are kept anyway, the whole need not be.
  return call_block(
      [&block, keys](at::TensorList inputs) {
        return block(at::cat({inputs[0], inputs[1]}, /*dim=*/1), inputs[2], keys);
      },
      {input, skip, time}, options_.execution.gradient_checkpointing, trained_factors(block));
}

at::Tensor unet_2d_condition::call(const transformer_2d& block, const at::Tensor& input,
                                   const conditioning& context) const {
  const at::Tensor& keys = context.dropout_keys;
  return call_block([&block, keys](at::TensorList inputs) { return block(inputs[0], inputs[1], keys); },
                    {input, context.states}, options_.execution.gradient_checkpointing,
                    trained_tensors(block));
}

std::vector<added_products> unet_2d_condition::layers_to_add_to() const {
  std::vector<added_products> layers;
  visit_added(*this, [&](const added_products& layer) { layers.push_back(layer); });
  return layers;
}

unet_2d_condition unet_2d_condition::with(const low_rank_products& added) const {
  unet_2d_condition result = *this;
  std::vector<added_products*> layers;
  visit_added(result, [&](added_products& layer) { layers.push_back(&layer); });
  models::add(added, layers);
  return result;
}

layer_weights unet_2d_condition::keys_and_values() const {
  layer_weights weights;
  visit_keys_and_values(*this, [&](const linear& layer) { weights[layer.added.layer] = layer.weight; });
  return weights;
}

unet_2d_condition unet_2d_condition::with_keys_and_values(const layer_weights& weights) const {
  unet_2d_condition result = *this;
  std::size_t found = 0;
  visit_keys_and_values(result, [&](linear& layer) {
    const auto replacement = weights.find(layer.added.layer);
    if (replacement == weights.end()) return;
    ++found;
    if (replacement->second.sizes() != layer.weight.sizes())
      throw std::invalid_argument("unet_2d_condition: a weight of another shape than " + layer.added.layer);
    layer.replacement = replacement->second;
  });
  if (found != weights.size())
    throw std::invalid_argument(
        "unet_2d_condition: a weight for a layer that makes no keys or values of the text");
  return result;
}

at::Tensor unet_2d_condition::operator()(const at::Tensor& sample, const at::Tensor& timesteps,
                                         const conditioning& context) const {
  const device::phase part{"unet"};
  if (added_.has_value() != context.pooled.defined() || added_.has_value() != context.sizes.defined())
    throw std::invalid_argument("unet_2d_condition: pooled texts and sizes are either both taken or neither");
  const at::Tensor embedded = sinusoidal_embedding(timesteps, options_.block_channels.front(),
                                                   options_.sine_second, options_.frequency_shift)
                                  .to(sample.scalar_type());
  at::Tensor all = time_second_(at::silu(time_first_(embedded)));
  if (added_) all = all + (*added_)(context, options_);
  // Every resnet wants the embedding after a SiLU: it is applied once here.
  const at::Tensor time = at::silu(all);
  const at::Tensor& keys = context.dropout_keys;

  at::Tensor hidden = convolution_in_(sample);
  std::vector<at::Tensor> skips{hidden};
  for (const level& block : down_) {
    for (std::size_t j = 0; j < block.resnets.size(); ++j) {
      hidden = call(block.resnets[j], hidden, time, keys);
      if (!block.transformers.empty()) hidden = call(block.transformers[j], hidden, context);
      skips.push_back(hidden);
    }
    if (block.down) skips.push_back(hidden = (*block.down)(hidden, keys));
  }

  hidden = call(middle_first_, hidden, time, keys);
  hidden = call(middle_transformer_, hidden, context);
  hidden = call(middle_second_, hidden, time, keys);

  for (const level& block : up_) {
    for (std::size_t j = 0; j < block.resnets.size(); ++j) {
      hidden = call(block.resnets[j], hidden, skips.back(), time, keys);
      skips.pop_back();
      if (!block.transformers.empty()) hidden = call(block.transformers[j], hidden, context);
    }
    // The result has the next skip's size: a height that is no multiple of the downsampling factor comes back exactly.
    if (block.up) hidden = (*block.up)(hidden, skips.back().size(2), skips.back().size(3), keys);
  }
  return convolution_out_(norm_out_.then_silu(hidden));
}

}  // namespace dvar::models
