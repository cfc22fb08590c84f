// Reads an autoencoder's sizes from its configuration, and refuses the variants this network does not have.
#include <algorithm>

#include "models/autoencoder_kl.hpp"

namespace dvar::models {

autoencoder_options autoencoder_options::from_config(const weights::config_reader& config) {
  // LDM calls its directory `vqvae`, whatever is in it; the text-to-image model has this network there.
  constexpr const char* name = "AutoencoderKL";
  if (config.get_or<std::string>("_class_name", name) != name)
    config.refuse_value("_class_name",
                        "AutoencoderKL: the trainer has no other autoencoder, such as VQModel");
  autoencoder_options options;
  options.block_channels = config.get<std::vector<std::int64_t>>("block_out_channels");
  if (options.block_channels.empty()) config.refuse_value("block_out_channels", "at least one level");
  for (const auto& [key, plain] : {std::pair{"down_block_types", "DownEncoderBlock2D"},
                                   std::pair{"up_block_types", "UpDecoderBlock2D"}}) {
    const auto types = config.get<std::vector<std::string>>(key);
    if (types != std::vector<std::string>(options.block_channels.size(), plain))
      config.refuse_value(key, std::string{plain} + " for every level");
  }
  const auto act = config.get_or<std::string>("act_fn", "silu");
  if (act != "silu" && act != "swish") config.refuse_value("act_fn", "silu");
  // Later models shift and whiten their latents; those of Stable Diffusion 1.x are scaled only.
  for (const char* key : {"shift_factor", "latents_mean", "latents_std"})
    if (config.contains(key)) config.refuse_value(key, "null");
  options.in_channels = config.get_or<std::int64_t>("in_channels", 3);
  options.out_channels = config.get_or<std::int64_t>("out_channels", 3);
  options.latent_channels = config.get_or<std::int64_t>("latent_channels", 4);
  options.layers_per_block = config.get_or<std::int64_t>("layers_per_block", 1);
  if (options.layers_per_block < 1) config.refuse_value("layers_per_block", "at least 1");
  options.norm_groups = config.get_or<std::int64_t>("norm_num_groups", 32);
  const auto is_grouped = [&](std::int64_t channels) { return channels % options.norm_groups == 0; };
  if (options.norm_groups < 1 || !std::ranges::all_of(options.block_channels, is_grouped))
    config.refuse_value("norm_num_groups", "a divisor of every number in block_out_channels");
  options.middle_attention = config.get_or("mid_block_add_attention", true);
  options.quantization_convolution = config.get_or("use_quant_conv", true);
  options.post_quantization_convolution = config.get_or("use_post_quant_conv", true);
  options.scaling_factor = config.get_or("scaling_factor", 0.18215);
  return options;
}

}  // namespace dvar::models
