#include "models/autoencoder_kl.hpp"

#include <array>

namespace dvar::models {
namespace {

constexpr double autoencoder_norm_epsilon = 1e-6;

resnet_options resnet(const autoencoder_options& options, std::int64_t in, std::int64_t out) {
  return {.in = in, .out = out, .norm_groups = options.norm_groups, .norm_epsilon = autoencoder_norm_epsilon};
}

}  // namespace

autoencoder_kl::middle_attention::middle_attention(const scope& parameters,
                                                   const autoencoder_options& options)
    : norm{parameters / "group_norm", options.norm_groups, options.block_channels.back(),
           autoencoder_norm_epsilon},
      form{options.attention} {
  const std::int64_t channels = options.block_channels.back();
  // Weights published before diffusers 0.15, Stable Diffusion's among them, have the older names.
  const bool older = parameters.offers("proj_attn.weight") && !parameters.offers("to_q.weight");
  const std::array<scope, 4> places = older ? std::array{parameters / "query", parameters / "key",
                                                         parameters / "value", parameters / "proj_attn"}
                                            : std::array{parameters / "to_q", parameters / "to_k",
                                                         parameters / "to_v", parameters / "to_out" / 0};
  for (const scope& place : places)
    projections.emplace_back(place, channels, channels);
}

at::Tensor autoencoder_kl::middle_attention::operator()(const at::Tensor& input) const {
  const at::Tensor pixels = norm(input).permute({0, 2, 3, 1}).flatten(1, 2);
  const at::Tensor mixed =
      projections[3](multi_head_attention(projections[0](pixels), projections[1](pixels),
                                          projections[2](pixels), /*heads=*/1, /*causal=*/false, form));
  return input +
         mixed.view({input.size(0), input.size(2), input.size(3), input.size(1)}).permute({0, 3, 1, 2});
}

autoencoder_kl::middle_block::middle_block(const scope& parameters, const autoencoder_options& options)
    : first{parameters / "resnets" / 0,
            resnet(options, options.block_channels.back(), options.block_channels.back())},
      second{parameters / "resnets" / 1,
             resnet(options, options.block_channels.back(), options.block_channels.back())} {
  if (options.middle_attention) attention.emplace(parameters / "attentions" / 0, options);
}

at::Tensor autoencoder_kl::middle_block::operator()(const at::Tensor& input) const {
  at::Tensor hidden = first(input);
  if (attention) hidden = (*attention)(hidden);
  return second(hidden);
}

autoencoder_kl::encoder_network::encoder_network(const scope& parameters, const autoencoder_options& options)
    : convolution_in{parameters / "conv_in", options.in_channels, options.block_channels.front()},
      middle{parameters / "mid_block", options},
      norm_out{parameters / "conv_norm_out", options.norm_groups, options.block_channels.back(),
               autoencoder_norm_epsilon},
      convolution_out{parameters / "conv_out", options.block_channels.back(), 2 * options.latent_channels} {
  std::int64_t in = options.block_channels.front();
  for (std::size_t i = 0; i < options.block_channels.size(); ++i) {
    const scope here = parameters / "down_blocks" / i;
    level block;
    for (std::size_t j = 0; j < static_cast<std::size_t>(options.layers_per_block); ++j) {
      block.resnets.emplace_back(here / "resnets" / j, resnet(options, in, options.block_channels[i]));
      in = options.block_channels[i];
    }
    if (i + 1 < options.block_channels.size())
      block.down.emplace(here / "downsamplers" / 0, in, downsampling::padding::right_and_below);
    levels.push_back(std::move(block));
  }
}

autoencoder_kl::decoder_network::decoder_network(const scope& parameters, const autoencoder_options& options)
    : convolution_in{parameters / "conv_in", options.latent_channels, options.block_channels.back()},
      middle{parameters / "mid_block", options},
      norm_out{parameters / "conv_norm_out", options.norm_groups, options.block_channels.front(),
               autoencoder_norm_epsilon},
      convolution_out{parameters / "conv_out", options.block_channels.front(), options.out_channels} {
  const std::vector<std::int64_t> coarsest_first{options.block_channels.rbegin(),
                                                 options.block_channels.rend()};
  std::int64_t in = coarsest_first.front();
  for (std::size_t i = 0; i < coarsest_first.size(); ++i) {
    const scope here = parameters / "up_blocks" / i;
    level block;
    for (std::size_t j = 0; j <= static_cast<std::size_t>(options.layers_per_block); ++j) {
      block.resnets.emplace_back(here / "resnets" / j, resnet(options, in, coarsest_first[i]));
      in = coarsest_first[i];
    }
    if (i + 1 < coarsest_first.size()) block.up.emplace(here / "upsamplers" / 0, in);
    levels.push_back(std::move(block));
  }
}

autoencoder_kl::autoencoder_kl(const scope& parameters, const autoencoder_options& options)
    : options_{options},
      encoder_{parameters / "encoder", options},
      decoder_{parameters / "decoder", options} {
  constexpr convolution_options pointwise{.kernel = 1, .padding = 0};
  if (options.quantization_convolution) {
    quantization_.emplace(parameters / "quant_conv", 2 * options.latent_channels, 2 * options.latent_channels,
                          pointwise);
  }
  if (options.post_quantization_convolution) {
    post_quantization_.emplace(parameters / "post_quant_conv", options.latent_channels,
                               options.latent_channels, pointwise);
  }
}

at::Tensor autoencoder_kl::moments(const at::Tensor& images) const {
  at::Tensor hidden = encoder_.convolution_in(images);
  for (const level& block : encoder_.levels) {
    for (const resnet_block& resnet : block.resnets)
      hidden = resnet(hidden);
    if (block.down) hidden = (*block.down)(hidden);
  }
  hidden = encoder_.convolution_out(encoder_.norm_out.then_silu(encoder_.middle(hidden)));
  return quantization_ ? (*quantization_)(hidden) : hidden;
}

latent_distribution autoencoder_kl::encode(const at::Tensor& images) const {
  const std::vector<at::Tensor> halves = moments(images).chunk(2, /*dim=*/1);
  return {.mean = halves[0], .standard_deviation = at::exp(0.5 * halves[1].clamp(-30.0, 20.0))};
}

at::Tensor autoencoder_kl::decode(const at::Tensor& latents) const {
  at::Tensor hidden = decoder_.convolution_in(post_quantization_ ? (*post_quantization_)(latents) : latents);
  hidden = decoder_.middle(hidden);
  for (const level& block : decoder_.levels) {
    for (const resnet_block& resnet : block.resnets)
      hidden = resnet(hidden);
    if (block.up) hidden = (*block.up)(hidden, 2 * hidden.size(2), 2 * hidden.size(3));
  }
  return decoder_.convolution_out(decoder_.norm_out.then_silu(hidden));
}

}  // namespace dvar::models
