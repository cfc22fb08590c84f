// Every network refuses a file that does not fit its configuration, and a configuration that it cannot be built from,
// with a message that says where. That the networks compute the right numbers is shown in tests/parity.
#include "models/autoencoder_kl.hpp"
#include "models/clip.hpp"
#include "models/unet_2d_condition.hpp"
#include "toy_models.hpp"

namespace dvar::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using weights::config_reader;
using tensors = std::map<std::string, at::Tensor>;

void build_unet(models::parameter_source& parameters, const config_reader& config) {
  models::unet_2d_condition{models::scope{parameters}, models::unet_options::from_config(config)};
}
void build_autoencoder(models::parameter_source& parameters, const config_reader& config) {
  models::autoencoder_kl{models::scope{parameters}, models::autoencoder_options::from_config(config)};
}
void build_text(models::parameter_source& parameters, const config_reader& config) {
  models::clip_text{models::scope{parameters},
                    models::clip_text_options::from_config(config, /*with_projection=*/false)};
}
void build_vision(models::parameter_source& parameters, const config_reader& config) {
  models::clip_vision{models::scope{parameters}, models::clip_vision_options::from_config(config)};
}

/// Describes a network: how it is built, and one tensor that every one of its files has.
struct network {
  const char* name;
  void (*build)(models::parameter_source&, const config_reader&);
  json config;
  const char* tensor;
};

std::vector<network> networks() {
  return {
      {"unet", build_unet, unet_config(), "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"},
      {"autoencoder", build_autoencoder, autoencoder_config(),
       "decoder.up_blocks.1.resnets.0.conv_shortcut.weight"},
      {"text", build_text, text_config(), "text_model.encoder.layers.1.mlp.fc2.bias"},
      {"vision", build_vision, vision_config(), "vision_model.pre_layrnorm.weight"},
  };
}

tensors random_tensors(const network& net) {
  models::random_parameters parameters{1};
  net.build(parameters, {net.config, "config"});
  return parameters.drawn();
}

void open(const network& net, const fs::path& directory) {
  const auto files = dvar::weights::open_component(directory);
  models::file_parameters parameters{files.weights, {}};
  net.build(parameters, files.config);
}

/// Returns the message with which a network refuses its toy configuration after one change.
std::string refusal(const network& net, const std::string& key, const json& value) {
  models::random_parameters parameters{1};
  return message_of([&] { net.build(parameters, {with(net.config, key, value), "DIR/config.json"}); });
}

TEST(model_files_test, read_back_whole) {
  for (const network& net : networks()) {
    const auto directory = new_directory() / net.name;
    put_model(directory, net.config, random_tensors(net));
    const auto files = dvar::weights::open_component(directory);
    models::file_parameters parameters{files.weights, {}};
    net.build(parameters, files.config);
    EXPECT_THAT(parameters.unused(), testing::IsEmpty()) << net.name;
  }
}

TEST(model_files_test, name_a_missing_tensor) {
  for (const network& net : networks()) {
    const auto directory = new_directory() / net.name;
    auto changed = random_tensors(net);
    ASSERT_EQ(changed.erase(net.tensor), 1U) << net.tensor;
    put_model(directory, net.config, changed);
    EXPECT_EQ(message_of([&] { open(net, directory); }), (directory / "model.safetensors").string() +
                                                             ": expected a tensor \"" + net.tensor +
                                                             "\", found none");
  }
}

TEST(model_files_test, name_a_tensor_of_the_wrong_shape) {
  for (const network& net : networks()) {
    const auto directory = new_directory() / net.name;
    auto changed = random_tensors(net);
    const auto shape = changed.at(net.tensor).sizes().vec();
    changed[net.tensor] = torch::zeros({3, 5});
    put_model(directory, net.config, changed);
    EXPECT_EQ(message_of([&] { open(net, directory); }),
              (directory / "model.safetensors").string() + ": tensor \"" + net.tensor +
                  "\": expected shape " + dvar::weights::to_string(shape) + ", found [3, 5]");
  }
}

TEST(model_files_test, name_a_missing_key_of_the_configuration) {
  const auto nets = networks();
  const std::array keys{"cross_attention_dim", "block_out_channels", "vocab_size", "hidden_size"};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_THAT(
        refusal(nets[i], keys[i], nullptr),
        AllOf(HasSubstr("DIR/config.json: \"" + std::string{keys[i]} + "\""), HasSubstr("found null")));
  }
}

TEST(model_files_test, name_an_unsupported_value_of_the_configuration) {
  struct variant {
    std::size_t network;
    const char* key;
    json value;
  };
  const std::vector<variant> variants{
      {0, "down_block_types", {"DownBlock2D", "SimpleCrossAttnDownBlock2D"}},
      {0, "down_block_types", {"DownBlock2D"}},
      {0, "up_block_types", {"UpBlock2D", "DownBlock2D"}},
      {0, "mid_block_type", "UNetMidBlock2DSimpleCrossAttn"},
      {0, "mid_block_type", nullptr},
      {0, "block_out_channels", json::array()},
      {0, "block_out_channels", {7, 16}},
      {0, "norm_num_groups", 3},
      {0, "norm_num_groups", 0},
      {0, "layers_per_block", 0},
      {0, "layers_per_block", {1, 2}},
      {0, "transformer_layers_per_block", {1, 2, 3}},
      {0, "transformer_layers_per_block", {1, 0}},
      {0, "transformer_layers_per_block", 0},
      {0, "attention_head_dim", 3},
      {0, "attention_head_dim", {2, 0}},
      {0, "attention_head_dim", {2, 4, 4}},
      {0, "num_attention_heads", 5},
      {0, "cross_attention_dim", {12, 12}},
      {0, "class_embed_type", "timestep"},
      {0, "addition_embed_type", "image"},
      {0, "encoder_hid_dim", 16},
      {0, "time_embedding_type", "fourier"},
      {0, "time_embedding_dim", 64},
      {0, "resnet_time_scale_shift", "scale_shift"},
      {0, "resnet_out_scale_factor", 1.5},
      {0, "only_cross_attention", true},
      {0, "dual_cross_attention", true},
      {0, "attention_type", "gated"},
      {0, "downsample_padding", 0},
      {0, "conv_in_kernel", 5},
      {0, "act_fn", "mish"},
      {1, "down_block_types", {"DownEncoderBlock2D", "AttnDownEncoderBlock2D"}},
      {1, "up_block_types", {"UpDecoderBlock2D"}},
      {1, "block_out_channels", json::array()},
      {1, "norm_num_groups", 5},
      {1, "layers_per_block", 0},
      {1, "act_fn", "gelu"},
      {1, "shift_factor", 0.0609},
      {1, "latents_mean", {0.1, 0.2}},
      {2, "hidden_act", "gelu_new"},
      {2, "num_attention_heads", 5},
      {2, "num_attention_heads", 0},
      {2, "num_hidden_layers", 0},
      {2, "vocab_size", "30"},
      {3, "patch_size", 3},
      {3, "patch_size", 0},
  };
  const auto nets = networks();
  for (const auto& [index, key, value] : variants) {
    EXPECT_THAT(refusal(nets[index], key, value), AllOf(HasSubstr("DIR/config.json: "), HasSubstr(key)))
        << nets[index].name << ", " << key << ": " << value;
  }
}

TEST(model_files_test, take_the_plain_value_of_what_is_unsupported) {
  for (const auto& [key, value] : std::map<std::string, json>{{"mid_block_type", "UNetMidBlock2DCrossAttn"},
                                                              {"resnet_out_scale_factor", 1.0},
                                                              {"only_cross_attention", false},
                                                              {"mid_block_only_cross_attention", nullptr},
                                                              {"class_embed_type", nullptr},
                                                              {"act_fn", "swish"},
                                                              // the level of 8 channels does not attend
                                                              {"attention_head_dim", {3, 4}}}) {
    models::random_parameters parameters{1};
    EXPECT_NO_THROW(build_unet(parameters, {with(unet_config(), key, value), "config"})) << key;
  }
}

TEST(model_files_test, text_tower_with_and_without_prefix) {
  const network net = networks()[2];
  const auto with_prefix = random_tensors(net);
  tensors without_prefix;
  for (const auto& [name, tensor] : with_prefix)
    without_prefix[name.substr(std::string_view{"text_model."}.size())] = tensor;
  const auto directory = new_directory();
  put_model(directory / "with", net.config, with_prefix);
  put_model(directory / "without", net.config, without_prefix);
  EXPECT_NO_THROW(open(net, directory / "with"));
  EXPECT_NO_THROW(open(net, directory / "without"));
  without_prefix.erase("final_layer_norm.bias");
  put_model(directory / "neither", net.config, without_prefix);
  EXPECT_THAT(message_of([&] { open(net, directory / "neither"); }), HasSubstr("\"final_layer_norm.bias\""));
}

TEST(clip_text_test, refuses_to_project_without_a_projection) {
  models::random_parameters parameters{1};
  const models::clip_text network{models::scope{parameters},
                                  models::clip_text_options::from_config({text_config(), "config"}, false)};
  EXPECT_THROW((void)network.project(torch::zeros({1, 4, 12}), torch::tensor({2})), std::logic_error);
}

TEST(clip_text_test, sends_gradients_to_the_concept_alone) {
  models::random_parameters parameters{1};
  const models::clip_text network{models::scope{parameters},
                                  models::clip_text_options::from_config({text_config(), "config"}, false)};
  const at::Tensor vectors = torch::randn({2, 12}).set_requires_grad(true);
  // The second concept's vector is id 31; nothing here uses the first.
  const at::Tensor embedded = network.embed(torch::tensor({{3, 31, 5, 31}}), vectors);
  EXPECT_TRUE(at::equal(embedded[0][1], vectors[1]));
  EXPECT_TRUE(at::equal(embedded[0][2], network.token_embedding()[5]));
  network.encode(embedded).square().sum().backward();
  EXPECT_EQ(vectors.grad()[0].abs().max().item<double>(), 0.0);
  EXPECT_GT(vectors.grad()[1].abs().max().item<double>(), 0.0);
  EXPECT_FALSE(network.token_embedding().requires_grad());
}

TEST(clip_text_test, sees_no_later_token) {
  models::random_parameters parameters{1};
  const models::clip_text network{models::scope{parameters},
                                  models::clip_text_options::from_config({text_config(), "config"}, false)};
  const at::Tensor one = network.encode(network.embed(torch::tensor({{3, 4, 5, 6}})));
  const at::Tensor other = network.encode(network.embed(torch::tensor({{3, 4, 5, 7}})));
  EXPECT_TRUE(at::allclose(one.narrow(1, 0, 3), other.narrow(1, 0, 3), 1e-6, 1e-6));
  EXPECT_FALSE(at::allclose(one.narrow(1, 3, 1), other.narrow(1, 3, 1), 1e-3, 1e-3));
}

}  // namespace
}  // namespace dvar::test
