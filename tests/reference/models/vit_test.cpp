#include "models/open_networks.hpp"
#include "toy_models.hpp"

// The numbers are compared with transformers' in tests/parity/test_vit.py.

namespace dvar::models {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::message_of;
using test::new_directory;
using test::put_model;
using test::vit_config;
using test::with;
using testing::AllOf;
using testing::HasSubstr;
using weights::config_reader;
using tensors = std::map<std::string, at::Tensor>;

vit_options options_of(const json& config) {
  return vit_options::from_config({config, "DIR/config.json"});
}

tensors random_tensors() {
  random_parameters parameters{1};
  vit{scope{parameters}, options_of(vit_config())};
  return parameters.drawn();
}

std::string refusal(const tensors& stored) {
  const fs::path directory = new_directory();
  put_model(directory, vit_config(), stored);
  return message_of([&] { open_vit(weights::open_component(directory), {}); });
}

TEST(vit_test, takes_pictures_of_any_size_and_leaves_the_rest_behind_the_last_patch) {
  random_parameters parameters{1};
  const vit network{scope{parameters}, options_of(vit_config())};
  EXPECT_EQ(network.states(torch::rand({2, 3, 8, 8})).sizes(), (std::vector<std::int64_t>{2, 5, 12}));
  EXPECT_EQ(network.states(torch::rand({2, 3, 12, 20})).sizes(), (std::vector<std::int64_t>{2, 16, 12}));
  const at::Tensor wide = torch::rand({1, 3, 11, 8});
  EXPECT_TRUE(at::equal(network(wide), network(wide.narrow(2, 0, 8))));
  EXPECT_THROW(network.states(torch::rand({1, 3, 3, 8})), std::invalid_argument);
  EXPECT_THROW(network.states(torch::rand({1, 1, 8, 8})), std::invalid_argument);
}

TEST(vit_test, sees_where_a_patch_is) {
  random_parameters parameters{1};
  const vit network{scope{parameters}, options_of(vit_config())};
  const at::Tensor picture = torch::rand({1, 3, 16, 16});
  EXPECT_GT((network(picture) - network(picture.flip(3).contiguous())).abs().max().item<double>(), 1e-6);
}

TEST(vit_test, opens_its_own_file_and_what_stands_before_a_head) {
  const fs::path directory = new_directory();
  tensors stored = random_tensors();
  stored["pooler.dense.weight"] = torch::zeros({12, 12});
  put_model(directory / "plain", vit_config(), stored);
  tensors headed{{"classifier.weight", torch::zeros({2, 12})}};
  for (const auto& [name, tensor] : stored)
    headed["vit." + name] = tensor;
  put_model(directory / "headed", vit_config(), headed);
  const at::Tensor pixels = torch::rand({1, 3, 8, 8});
  const auto features = [&](const char* name) {
    return open_vit(weights::open_component(directory / name), {})(pixels);
  };
  EXPECT_TRUE(at::equal(features("plain"), features("headed")));
}

TEST(vit_test, names_a_tensor_that_is_missing_or_that_nothing_uses) {
  tensors stored = random_tensors();
  stored["encoder.layer.1.layer_scale1.lambda1"] = torch::ones({12});
  EXPECT_THAT(refusal(stored), AllOf(HasSubstr("model.safetensors"), HasSubstr("ViTModel"),
                                     HasSubstr("\"encoder.layer.1.layer_scale1.lambda1\"")));
  stored = random_tensors();
  stored.erase("layernorm.bias");
  EXPECT_THAT(refusal(stored), HasSubstr("expected a tensor \"layernorm.bias\", found none"));
  stored = random_tensors();
  stored["embeddings.position_embeddings"] = torch::zeros({1, 17, 12});
  EXPECT_THAT(refusal(stored), HasSubstr("expected shape [1, 5, 12], found [1, 17, 12]"));
}

TEST(vit_test, names_what_it_cannot_be_built_from) {
  for (const auto& [key, value] : std::vector<std::pair<const char*, json>>{{"model_type", "dinov2"},
                                                                            {"model_type", nullptr},
                                                                            {"hidden_size", 0},
                                                                            {"intermediate_size", 0},
                                                                            {"num_attention_heads", 5},
                                                                            {"num_attention_heads", 0},
                                                                            {"num_hidden_layers", 0},
                                                                            {"image_size", 3},
                                                                            {"image_size", {8, 8}},
                                                                            {"patch_size", 0},
                                                                            {"hidden_act", "mish"},
                                                                            {"qkv_bias", 1}}) {
    EXPECT_THAT(message_of([&] { options_of(with(vit_config(), key, value)); }),
                AllOf(HasSubstr("DIR/config.json: "), HasSubstr(key)))
        << key << ": " << value;
  }
}

}  // namespace
}  // namespace dvar::models
