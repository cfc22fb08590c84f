#include "weights/inferred_config.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/messages.hpp"

namespace dvar::weights {
namespace {

using nlohmann::json;

/// Looks up sizes by the names of tensors.
class shapes {
 public:
  shapes(const renamed_tensors& tensors, std::string location)
      : tensors_{tensors}, location_{std::move(location)} {}

  /// Returns size `axis` of a tensor that must be there with so many dimensions or more.
  std::int64_t size(const std::string& name, std::size_t axis) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end())
      throw input_error(fmt::format("{}: expected a tensor {}, found none", location_, in_quotes(name)));
    const std::vector<std::int64_t>& shape = found->second.shape;
    if (axis >= shape.size()) {
      throw input_error(fmt::format("{}: tensor {}: expected {} dimensions or more, found shape {}",
                                    location_, in_quotes(found->second.name), axis + 1, to_string(shape)));
    }
    return shape[axis];
  }

  std::size_t dimensions(const std::string& name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? 0 : found->second.shape.size();
  }

  bool has_any(const std::string& beginning) const {
    const auto next = tensors_.lower_bound(beginning);
    return next != tensors_.end() && next->first.starts_with(beginning);
  }

  /// Counts `beginning.0.`, `beginning.1.`, …
  std::int64_t count(const std::string& beginning) const {
    std::int64_t counted = 0;
    while (has_any(fmt::format("{}.{}.", beginning, counted)))
      ++counted;
    return counted;
  }

  /// Returns the output channels of the first resnet of every level.
  std::vector<std::int64_t> level_channels(const std::string& blocks) const {
    std::vector<std::int64_t> channels;
    const std::int64_t levels = count(blocks);
    for (std::int64_t level = 0; level < levels; ++level)
      channels.push_back(size(fmt::format("{}.{}.resnets.0.conv1.weight", blocks, level), 0));
    return channels;
  }

  config_reader config(json value) const {
    return {std::move(value), location_ + ": the configuration that its shapes stand for"};
  }

 private:
  const renamed_tensors& tensors_;
  std::string location_;
};

}  // namespace

config_reader inferred_unet_config(const renamed_tensors& tensors, const std::string& location) {
  const shapes known{tensors, location};
  const std::vector<std::int64_t> channels = known.level_channels("down_blocks");
  const std::string middle = "mid_block.attentions.0.";
  const auto types = [&](const std::string& blocks, const char* plain, const char* with_attention) {
    std::vector<std::string> found;
    for (std::size_t level = 0; level < channels.size(); ++level) {
      found.emplace_back(known.has_any(fmt::format("{}.{}.attentions.", blocks, level)) ? with_attention
                                                                                        : plain);
    }
    return found;
  };
  json config{{"in_channels", known.size("conv_in.weight", 1)},
              {"out_channels", known.size("conv_out.weight", 0)},
              {"block_out_channels", channels},
              {"down_block_types", types("down_blocks", "DownBlock2D", "CrossAttnDownBlock2D")},
              {"up_block_types", types("up_blocks", "UpBlock2D", "CrossAttnUpBlock2D")},
              {"layers_per_block", known.count("down_blocks.0.resnets")},
              {"transformer_layers_per_block", known.count(middle + "transformer_blocks")},
              {"cross_attention_dim", known.size(middle + "transformer_blocks.0.attn2.to_k.weight", 1)},
              {"attention_head_dim", 8},
              {"norm_num_groups", 32},
              {"sample_size", 64}};
  if (known.dimensions(middle + "proj_in.weight") == 2) {
    config["use_linear_projection"] = true;
    std::vector<std::int64_t> heads;
    for (const std::int64_t of_level : channels)
      heads.push_back(std::max<std::int64_t>(1, of_level / 64));
    config["attention_head_dim"] = heads;
  }
  if (known.has_any("add_embedding.")) {
    std::vector<std::int64_t> layers;
    for (std::size_t level = 0; level + 1 < channels.size(); ++level) {
      layers.push_back(std::max<std::int64_t>(
          1, known.count(fmt::format("down_blocks.{}.attentions.0.transformer_blocks", level))));
    }
    layers.push_back(known.count(middle + "transformer_blocks"));
    config["transformer_layers_per_block"] = layers;
    config["addition_embed_type"] = "text_time";
    config["addition_time_embed_dim"] = 256;
    config["projection_class_embeddings_input_dim"] = known.size("add_embedding.linear_1.weight", 1);
    config["sample_size"] = 128;
  }
  return known.config(std::move(config));
}

config_reader inferred_autoencoder_config(const renamed_tensors& tensors, double scaling_factor,
                                          const std::string& location) {
  const shapes known{tensors, location};
  const std::vector<std::int64_t> channels = known.level_channels("encoder.down_blocks");
  return known.config({{"in_channels", known.size("encoder.conv_in.weight", 1)},
                       {"out_channels", known.size("decoder.conv_out.weight", 0)},
                       {"latent_channels", known.size("decoder.conv_in.weight", 1)},
                       {"block_out_channels", channels},
                       {"down_block_types", std::vector<std::string>(channels.size(), "DownEncoderBlock2D")},
                       {"up_block_types", std::vector<std::string>(channels.size(), "UpDecoderBlock2D")},
                       {"layers_per_block", known.count("encoder.down_blocks.0.resnets")},
                       {"mid_block_add_attention", known.has_any("encoder.mid_block.attentions.")},
                       {"use_quant_conv", known.has_any("quant_conv.")},
                       {"use_post_quant_conv", known.has_any("post_quant_conv.")},
                       {"norm_num_groups", 32},
                       {"scaling_factor", scaling_factor}});
}

config_reader inferred_clip_text_config(const renamed_tensors& tensors, std::string_view activation,
                                        const std::string& location) {
  const shapes known{tensors, location};
  // transformers wrote the first form up to version 5.
  const std::string tower = known.has_any("text_model.") ? "text_model." : "";
  const std::int64_t width = known.size(tower + "embeddings.token_embedding.weight", 1);
  json config{{"vocab_size", known.size(tower + "embeddings.token_embedding.weight", 0)},
              {"hidden_size", width},
              {"intermediate_size", known.size(tower + "encoder.layers.0.mlp.fc1.weight", 0)},
              {"num_hidden_layers", known.count(tower + "encoder.layers")},
              {"num_attention_heads", std::max<std::int64_t>(1, width / 64)},
              {"max_position_embeddings", known.size(tower + "embeddings.position_embedding.weight", 0)},
              {"hidden_act", activation},
              {"layer_norm_eps", 1e-5}};
  if (known.has_any("text_projection.")) config["projection_dim"] = known.size("text_projection.weight", 0);
  return known.config(std::move(config));
}

config_reader published_scheduler_config(const std::string& location) {
  return {{{"_class_name", "PNDMScheduler"},
           {"beta_schedule", "scaled_linear"},
           {"beta_start", 0.00085},
           {"beta_end", 0.012},
           {"num_train_timesteps", 1000},
           {"prediction_type", "epsilon"},
           {"skip_prk_steps", true},
           {"set_alpha_to_one", false},
           {"clip_sample", false},
           {"steps_offset", 1},
           {"timestep_spacing", "leading"}},
          location + ": Stable Diffusion's scheduler"};
}

config_reader published_scheduler_config_of_xl(const std::string& location) {
  json config = published_scheduler_config(location).json();
  config["_class_name"] = "EulerDiscreteScheduler";
  return {std::move(config), location + ": Stable Diffusion XL's scheduler"};
}

}  // namespace dvar::weights
