#pragma once

#include <nlohmann/json.hpp>

#include "../files.hpp"
#include "models/file_parameters.hpp"
#include "models/parameters.hpp"
#include "weights/safetensors.hpp"

namespace dvar::test {

/// Returns the configuration of a small UNet of two levels, the finer one without attention.
inline nlohmann::json unet_config() {
  return {{"block_out_channels", {8, 16}},
          {"down_block_types", {"DownBlock2D", "CrossAttnDownBlock2D"}},
          {"up_block_types", {"CrossAttnUpBlock2D", "UpBlock2D"}},
          {"layers_per_block", 1},
          {"attention_head_dim", 4},
          {"cross_attention_dim", 12},
          {"norm_num_groups", 4}};
}

inline nlohmann::json autoencoder_config() {
  return {{"block_out_channels", {8, 16}},
          {"down_block_types", {"DownEncoderBlock2D", "DownEncoderBlock2D"}},
          {"up_block_types", {"UpDecoderBlock2D", "UpDecoderBlock2D"}},
          {"norm_num_groups", 4}};
}

inline nlohmann::json text_config() {
  return {{"hidden_size", 12},         {"intermediate_size", 24}, {"num_attention_heads", 2},
          {"num_hidden_layers", 2},    {"vocab_size", 30},        {"max_position_embeddings", 8},
          {"hidden_act", "quick_gelu"}};
}

inline nlohmann::json vision_config() {
  return {{"hidden_size", 12},      {"intermediate_size", 24}, {"num_attention_heads", 2},
          {"num_hidden_layers", 1}, {"image_size", 8},         {"patch_size", 4},
          {"projection_dim", 6}};
}

inline nlohmann::json vit_config() {
  return {{"model_type", "vit"},      {"hidden_size", 12},      {"intermediate_size", 24},
          {"num_attention_heads", 2}, {"num_hidden_layers", 2}, {"image_size", 8},
          {"patch_size", 4}};
}

/// Returns `config` with `key` set to `value`.
inline nlohmann::json with(nlohmann::json config, const std::string& key, nlohmann::json value) {
  config[key] = std::move(value);
  return config;
}

/// Gives a network the parameters of another.
class given_parameters : public models::parameter_source {
 public:
  explicit given_parameters(const std::map<std::string, at::Tensor>& given) : given_{given} {}

  bool offers(const std::string& name) const override { return given_.contains(name); }
  at::Tensor parameter(const std::string& name, at::IntArrayRef, models::initial_value) override {
    return given_.at(name);
  }

 private:
  const std::map<std::string, at::Tensor>& given_;
};

/// Writes a model directory with the configuration and tensors.
inline void put_model(const std::filesystem::path& directory, const nlohmann::json& config,
                      const std::map<std::string, at::Tensor>& tensors) {
  std::filesystem::create_directories(directory);
  put(directory / "config.json", config.dump());
  weights::write_safetensors(directory / "model.safetensors", tensors);
}

}  // namespace dvar::test
