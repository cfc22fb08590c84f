// Reads a UNet's sizes from its configuration, and refuses the variants this network does not have.
#include <algorithm>
#include <array>

#include "models/unet_2d_condition.hpp"

namespace dvar::models {
namespace {

using weights::config_reader;

/// Reads one value for every level, given either as a number or as a list.
std::vector<std::int64_t> per_level(const config_reader& config, std::string_view key, std::int64_t fallback,
                                    std::size_t levels) {
  if (config.contains(key) && config.json().at(std::string{key}).is_array()) {
    auto values = config.get<std::vector<std::int64_t>>(key);
    if (values.size() != levels) config.refuse_value(key, std::to_string(levels) + " numbers, one per level");
    return values;
  }
  return std::vector<std::int64_t>(levels, config.get_or<std::int64_t>(key, fallback));
}

std::vector<bool> attention_of(const config_reader& config, std::string_view key, std::size_t levels,
                               std::string_view plain, std::string_view with_attention) {
  const auto types = config.get<std::vector<std::string>>(key);
  if (types.size() != levels)
    config.refuse_value(key, std::to_string(levels) + " block types, one per level");
  std::vector<bool> attention;
  for (const std::string& type : types) {
    if (type != plain && type != with_attention)
      config.refuse_value(key, std::string{plain} + " or " + std::string{with_attention});
    attention.push_back(type == with_attention);
  }
  return attention;
}

/// Refuses variants of diffusers' network that no supported model uses: keys must be absent, null or plain.
void refuse_unsupported(const config_reader& config) {
  constexpr std::array absent{"class_embed_type",   "num_class_embeds",
                              "encoder_hid_dim",    "encoder_hid_dim_type",
                              "time_cond_proj_dim", "time_embedding_act_fn",
                              "timestep_post_act",  "reverse_transformer_layers_per_block",
                              "time_embedding_dim", "cross_attention_norm"};
  for (const char* key : absent)
    if (config.contains(key)) config.refuse_value(key, "null");
  const std::map<std::string, nlohmann::json> plain{{"mid_block_type", "UNetMidBlock2DCrossAttn"},
                                                    {"mid_block_scale_factor", 1},
                                                    {"mid_block_only_cross_attention", false},
                                                    {"only_cross_attention", false},
                                                    {"dual_cross_attention", false},
                                                    {"attention_type", "default"},
                                                    {"center_input_sample", false},
                                                    {"time_embedding_type", "positional"},
                                                    {"resnet_time_scale_shift", "default"},
                                                    {"resnet_skip_time_act", false},
                                                    {"resnet_out_scale_factor", 1},
                                                    {"downsample_padding", 1},
                                                    {"conv_in_kernel", 3},
                                                    {"conv_out_kernel", 3}};
  for (const auto& [key, value] : plain)
    if (config.contains(key) && config.json().at(key) != value) config.refuse_value(key, value.dump());
  // Elsewhere null stands for the plain value; here it says that there is no block in the middle.
  if (config.json().contains("mid_block_type") && !config.contains("mid_block_type"))
    config.refuse_value("mid_block_type", plain.at("mid_block_type").dump());
  const auto act = config.get_or<std::string>("act_fn", "silu");
  if (act != "silu" && act != "swish") config.refuse_value("act_fn", "silu");
}

/// Reads the sizes of what is added to the embedding of the time: texts as wholes and the sizes of pictures, or nothing.
void read_added_embedding(const config_reader& config, unet_options& options) {
  const auto type = config.find<std::string>("addition_embed_type");
  if (!type) return;
  if (*type != "text_time") config.refuse_value("addition_embed_type", "text_time or null");
  options.size_embedding_width = config.get<std::int64_t>("addition_time_embed_dim");
  if (options.size_embedding_width < 2 || options.size_embedding_width % 2 != 0)
    config.refuse_value("addition_time_embed_dim", "an even number of at least 2");
  constexpr const char* all = "projection_class_embeddings_input_dim";
  options.pooled_width = config.get<std::int64_t>(all) - sizes_of_picture * options.size_embedding_width;
  if (options.pooled_width < 1)
    config.refuse_value(all, "more than six times addition_time_embed_dim, for texts and six sizes");
}

}  // namespace

unet_options unet_options::from_config(const config_reader& config) {
  refuse_unsupported(config);
  unet_options options;
  options.block_channels = config.get<std::vector<std::int64_t>>("block_out_channels");
  const std::size_t levels = options.block_channels.size();
  if (levels == 0) config.refuse_value("block_out_channels", "at least one level");
  // The first level's channels are as many sines and cosines.
  if (options.block_channels.front() % 2 != 0)
    config.refuse_value("block_out_channels", "an even number of channels at the first level");
  options.sample_size = config.get_or<std::int64_t>("sample_size", 64);
  options.in_channels = config.get_or<std::int64_t>("in_channels", 4);
  options.out_channels = config.get_or<std::int64_t>("out_channels", 4);
  options.down_attention =
      attention_of(config, "down_block_types", levels, "DownBlock2D", "CrossAttnDownBlock2D");
  options.up_attention = attention_of(config, "up_block_types", levels, "UpBlock2D", "CrossAttnUpBlock2D");
  // What Stable Diffusion 1.x calls `attention_head_dim` is the number of heads; later models say `num_attention_heads`.
  const char* heads = config.contains("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  options.heads = per_level(config, heads, 8, levels);
  for (std::size_t i = 0; i < levels; ++i) {
    // The block in the middle attends too, with the heads of the last level.
    const bool attends = options.down_attention[i] || options.up_attention[levels - 1 - i] || i + 1 == levels;
    if (attends && (options.heads[i] < 1 || options.block_channels[i] % options.heads[i] != 0))
      config.refuse_value(heads, "numbers of heads that divide the channels of their level");
  }
  options.layers_per_block = config.get_or<std::int64_t>("layers_per_block", 2);
  if (options.layers_per_block < 1) config.refuse_value("layers_per_block", "at least 1");
  options.transformer_layers = per_level(config, "transformer_layers_per_block", 1, levels);
  if (std::ranges::min(options.transformer_layers) < 1)
    config.refuse_value("transformer_layers_per_block", "at least 1");
  options.context_width = config.get<std::int64_t>("cross_attention_dim");
  options.norm_groups = config.get_or<std::int64_t>("norm_num_groups", 32);
  const auto is_grouped = [&](std::int64_t channels) { return channels % options.norm_groups == 0; };
  if (options.norm_groups < 1 || !std::ranges::all_of(options.block_channels, is_grouped))
    config.refuse_value("norm_num_groups", "a divisor of every number in block_out_channels");
  options.norm_epsilon = config.get_or("norm_eps", 1e-5);
  options.linear_projection = config.get_or("use_linear_projection", false);
  options.sine_second = config.get_or("flip_sin_to_cos", true);
  options.frequency_shift = config.get_or("freq_shift", 0.0);
  read_added_embedding(config, options);
  return options;
}

}  // namespace dvar::models
