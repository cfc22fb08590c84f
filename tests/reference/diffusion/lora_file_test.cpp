#include "diffusion/lora_file.hpp"

#include "../files.hpp"
#include "../models/toy_models.hpp"
#include "models/text_encoder.hpp"
#include "models/unet_2d_condition.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::diffusion {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* layer = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
constexpr const char* kohya_layer = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k";

class lora_file_test : public testing::Test {
 protected:
  lora_file_test()
      : unet_{models::scope{parameters_},
              models::unet_options::from_config(weights::config_reader{test::unet_config(), "test"})} {
    products_ = products_of(unet_.layers_to_add_to());
  }
  static models::low_rank_products products_of(const std::vector<models::added_products>& layers) {
    models::low_rank_products products;
    for (const models::added_products& place : layers) {
      at::Tensor down = torch::rand({2, place.in, place.kernel, place.kernel});
      if (place.kernel == 1) down = down.flatten(1);
      products[place.layer] = {{.down = down, .up = torch::rand({place.out, 2}), .scale = 0.75}};
    }
    return products;
  }
  std::filesystem::path file() const { return folder_ / "lora.safetensors"; }
  models::low_rank_products read_of(const std::map<std::string, at::Tensor>& tensors,
                                    const std::map<std::string, std::string>& metadata = {}) const {
    weights::write_safetensors(file(), tensors, metadata);
    return read_lora(file(), unet_.layers_to_add_to());
  }
  std::string refusal_of(const std::map<std::string, at::Tensor>& tensors,
                         const std::map<std::string, std::string>& metadata = {}) const {
    return test::message_of([&] { read_of(tensors, metadata); });
  }
  static std::string name(const std::string& ending) { return std::string{"unet."} + layer + ending; }
  /// Returns a good product of rank 2 for a layer from 12 to 16 numbers.
  static std::map<std::string, at::Tensor> good() {
    return {{name(".lora_A.weight"), torch::rand({2, 12})}, {name(".lora_B.weight"), torch::rand({16, 2})}};
  }

  models::random_parameters parameters_{3};
  models::unet_2d_condition unet_;
  models::low_rank_products products_;
  std::filesystem::path folder_ = test::new_directory();
};

TEST_F(lora_file_test, comes_back_from_either_layout) {
  for (const lora_layout layout : {lora_layout::diffusers, lora_layout::kohya}) {
    write_lora(file(), layout, products_, unet_.layers_to_add_to(), {{"modelspec.title", "a thing"}});
    EXPECT_EQ(weights::tensor_file{file()}.metadata().at("modelspec.title"), "a thing");
    const models::low_rank_products read = read_lora(file(), unet_.layers_to_add_to());
    ASSERT_EQ(read.size(), products_.size());
    for (const auto& [where, added] : products_) {
      const models::low_rank& expected = added.front();
      const models::low_rank& found = read.at(where).front();
      EXPECT_TRUE(at::equal(found.down, expected.down)) << where;
      EXPECT_TRUE(at::allclose(found.up * found.scale, expected.up * expected.scale)) << where;
    }
  }
}

TEST_F(lora_file_test, convolutions_have_their_sizes) {
  const std::string conv = "down_blocks.0.downsamplers.0.conv";
  write_lora(file(), lora_layout::diffusers, products_, unet_.layers_to_add_to(), {});
  const weights::tensor_file written{file()};
  const auto shape = [&](const std::string& name) { return written.info(name).shape; };
  EXPECT_EQ(shape("unet." + conv + ".lora_A.weight"), (std::vector<std::int64_t>{2, 8, 3, 3}));
  EXPECT_EQ(shape("unet." + conv + ".lora_B.weight"), (std::vector<std::int64_t>{8, 2, 1, 1}));
  EXPECT_EQ(shape("unet.down_blocks.1.resnets.0.conv_shortcut.lora_A.weight"),
            (std::vector<std::int64_t>{2, 8, 1, 1}));
  EXPECT_EQ(shape("unet.down_blocks.1.resnets.0.time_emb_proj.lora_A.weight"),
            (std::vector<std::int64_t>{2, 32}));
  for (const at::Tensor& down :
       {torch::rand({2, 8}), torch::rand({2, 8, 1, 1}), torch::rand({2, 8, 5, 5}), torch::rand({2, 9, 3, 3})})
    EXPECT_THAT(refusal_of({{"unet." + conv + ".lora_A.weight", down},
                            {"unet." + conv + ".lora_B.weight", torch::rand({8, 2, 1, 1})}}),
                AllOf(HasSubstr(conv), HasSubstr("[rank, 8, 3, 3]")));
}

/// Returns the layers of a text encoder, or of two, behind those of the UNet.
class lora_file_of_texts_test : public lora_file_test {
 protected:
  models::clip_text tower(std::int64_t projection_width) {
    models::clip_text_options options =
        models::clip_text_options::from_config(weights::config_reader{test::text_config(), "test"}, false);
    options.projection_width = projection_width;
    models::random_parameters parameters{7};
    return models::clip_text{models::scope{parameters}, options};
  }
  std::vector<models::added_products> layers_with(const models::text_encoder& encoder) const {
    std::vector<models::added_products> layers = unet_.layers_to_add_to();
    for (const models::added_products& layer : encoder.layers_to_add_to())
      layers.push_back(layer);
    return layers;
  }
  const models::text_encoder one_{tower(0)};
  const models::text_encoder two_{models::clip_pair{tower(0), tower(5), 29}};
};

TEST_F(lora_file_of_texts_test, come_back_from_either_layout) {
  for (const models::text_encoder* encoder : {&one_, &two_}) {
    const std::vector<models::added_products> layers = layers_with(*encoder);
    const models::low_rank_products products = products_of(layers);
    for (const lora_layout layout : {lora_layout::diffusers, lora_layout::kohya}) {
      write_lora(file(), layout, products, layers, {});
      const models::low_rank_products read = read_lora(file(), layers);
      ASSERT_EQ(read.size(), products.size());
      for (const auto& [where, added] : products)
        EXPECT_TRUE(at::equal(read.at(where).front().down, added.front().down)) << where;
    }
  }
}

TEST_F(lora_file_of_texts_test, have_the_names_of_their_layouts) {
  const auto names = [&](const models::text_encoder& encoder, lora_layout layout) {
    const std::vector<models::added_products> layers = encoder.layers_to_add_to();
    write_lora(file(), layout, products_of(layers), layers, {});
    return weights::tensor_file{file()}.names();
  };
  const std::string of_kohya = "text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight";
  const std::string of_diffusers = "text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight";
  EXPECT_THAT(names(one_, lora_layout::kohya), testing::Contains("lora_te_" + of_kohya));
  EXPECT_THAT(names(two_, lora_layout::kohya),
              testing::IsSupersetOf({"lora_te1_" + of_kohya, "lora_te2_" + of_kohya}));
  EXPECT_THAT(names(one_, lora_layout::diffusers), testing::Contains("text_encoder." + of_diffusers));
  EXPECT_THAT(names(two_, lora_layout::diffusers),
              testing::IsSupersetOf({"text_encoder." + of_diffusers, "text_encoder_2." + of_diffusers}));
}

TEST_F(lora_file_of_texts_test, are_read_by_the_names_of_other_versions) {
  const std::vector<models::added_products> layers = layers_with(one_);
  const at::Tensor down = torch::rand({2, 12}), up = torch::rand({12, 2});
  const auto scale = [&](const std::string& of_down, const std::string& of_up) {
    weights::write_safetensors(
        file(), {{of_down, down}, {of_up, up}},
        {{"lora_adapter_metadata", R"({"text_encoder.lora_alpha": 8, "unet.lora_alpha": 1})"}});
    return read_lora(file(), layers)
        .at("text_encoder.text_model.encoder.layers.0.self_attn.q_proj")
        .front()
        .scale;
  };
  const std::string name = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj";
  EXPECT_EQ(scale(name + ".lora_linear_layer.down.weight", name + ".lora_linear_layer.up.weight"), 4.0);
  const std::string flat = "text_encoder.encoder.layers.0.self_attn.q_proj";
  EXPECT_EQ(scale(flat + ".lora_A.weight", flat + ".lora_B.weight"), 4.0);
}

TEST_F(lora_file_of_texts_test, of_another_number_of_encoders_are_refused) {
  const std::string layer_name = "text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight";
  for (const auto& [encoder, key] :
       {std::pair{&one_, "lora_te1_" + layer_name}, {&two_, "lora_te_" + layer_name}}) {
    weights::write_safetensors(file(), {{key, torch::rand({2, 12})}});
    EXPECT_THAT(test::message_of([&] { read_lora(file(), layers_with(*encoder)); }),
                AllOf(HasSubstr(key), HasSubstr("linear layer")));
  }
}

TEST_F(lora_file_test, diffusers_layout_needs_no_alpha_and_kohyas_has_it) {
  write_lora(file(), lora_layout::diffusers, products_, unet_.layers_to_add_to(), {});
  EXPECT_EQ(read_lora(file(), unet_.layers_to_add_to()).at(layer).front().scale, 1.0);
  write_lora(file(), lora_layout::kohya, products_, unet_.layers_to_add_to(), {});
  EXPECT_EQ(weights::tensor_file{file()}.tensor(std::string{kohya_layer} + ".alpha").item<double>(), 1.5);
  EXPECT_EQ(read_lora(file(), unet_.layers_to_add_to()).at(layer).front().scale, 0.75);
}

TEST_F(lora_file_test, an_adapters_alpha_is_read_from_the_metadata) {
  const auto scale = [&](const std::string& config) {
    return read_of(good(), {{"lora_adapter_metadata", config}}).at(layer).front().scale;
  };
  EXPECT_EQ(scale(R"({"unet.r": 2, "unet.lora_alpha": 8})"), 4.0);
  EXPECT_EQ(scale(R"({"text_encoder.lora_alpha": 8})"), 1.0);
  EXPECT_EQ(scale(R"({"unet.lora_alpha": 8, "unet.rank_pattern": {"conv1": 2}})"), 4.0);
  for (const char* config :
       {R"({"unet.use_dora": true})", R"({"text_encoder.use_dora": true})", R"({"unet.use_rslora": true})",
        R"({"unet.alpha_pattern": {"a": 1}})", R"({"unet.lora_alpha": "much"})", R"([1)", R"([1])"}) {
    EXPECT_THAT(refusal_of(good(), {{"lora_adapter_metadata", config}}),
                AllOf(HasSubstr("lora.safetensors"), HasSubstr("lora_adapter_metadata")))
        << config;
  }
}

TEST_F(lora_file_test, half_precision_is_read) {
  auto tensors = good();
  for (auto& [key, tensor] : tensors)
    tensor = tensor.to(at::kHalf);
  EXPECT_EQ(read_of(tensors).at(layer).front().down.scalar_type(), at::kFloat);
}

TEST_F(lora_file_test, another_models_file_is_refused_by_key_and_shape) {
  auto wide = good();
  wide[name(".lora_A.weight")] = torch::rand({2, 768});
  EXPECT_THAT(refusal_of(wide), AllOf(HasSubstr("lora.safetensors"), HasSubstr(name(".lora_A.weight")),
                                      HasSubstr("[rank, 12]"), HasSubstr("[2, 768]")));
  auto uneven = good();
  uneven[name(".lora_B.weight")] = torch::rand({16, 3});
  EXPECT_THAT(refusal_of(uneven), AllOf(HasSubstr("[16, 2]"), HasSubstr("[16, 3]")));
  auto whole_numbers = good();
  whole_numbers[name(".lora_A.weight")] = torch::ones({2, 12}, at::kLong);
  EXPECT_THAT(refusal_of(whole_numbers), HasSubstr("I64"));
  auto empty = good();
  empty[name(".lora_A.weight")] = torch::rand({0, 12});
  EXPECT_THAT(refusal_of(empty), HasSubstr("[0, 12]"));
}

TEST_F(lora_file_test, what_is_no_product_of_the_unet_is_refused_by_name) {
  const auto with = [&](const std::string& key, const at::Tensor& tensor) {
    auto tensors = good();
    tensors[key] = tensor;
    return refusal_of(tensors);
  };
  for (const std::string key :
       {"unet.down_blocks.7.attentions.0.proj_in.lora_A.weight", "unet.conv_in.lora_A.weight", "model.weight",
        "lora_unet_mid_block_attentions_0_proj_in.hada_w1_a"})
    EXPECT_THAT(with(key, torch::rand({2, 12})), AllOf(HasSubstr(key), HasSubstr("linear layer"))) << key;
  for (const std::string key : {"text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight",
                                "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight"})
    EXPECT_THAT(with(key, torch::rand({2, 12})), AllOf(HasSubstr(key), HasSubstr("text encoder"))) << key;
  EXPECT_THAT(with(std::string{kohya_layer} + ".lora_down.weight", torch::rand({2, 12})),
              HasSubstr("one product for each layer"));
  EXPECT_THAT(refusal_of({}), HasSubstr("no tensor"));
}

TEST_F(lora_file_test, half_a_product_is_refused) {
  for (const std::string ending : {".lora_A.weight", ".lora_B.weight"}) {
    auto tensors = good();
    tensors.erase(name(ending));
    EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr(layer), HasSubstr("alone")));
  }
  EXPECT_THAT(refusal_of({{name(".alpha"), torch::tensor(2.0)}}), HasSubstr("alone"));
}

TEST_F(lora_file_test, numbers_that_are_not_finite_are_refused) {
  auto tensors = good();
  tensors[name(".lora_B.weight")][3][1] = NAN;
  EXPECT_THAT(refusal_of(tensors), HasSubstr(name(".lora_B.weight")));
  auto alpha = good();
  alpha[name(".alpha")] = torch::tensor(INFINITY);
  EXPECT_THAT(refusal_of(alpha), HasSubstr(".alpha"));
  alpha[name(".alpha")] = torch::ones({2});
  EXPECT_THAT(refusal_of(alpha), HasSubstr("expected a number"));
  products_.at(layer).front().up[0][0] = NAN;
  EXPECT_THROW(write_lora(folder_ / "new.safetensors", lora_layout::diffusers, products_,
                          unet_.layers_to_add_to(), {}),
               input_error);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new.safetensors"));
}

TEST_F(lora_file_test, other_files_are_refused) {
  test::put(file(), "no tensors");
  EXPECT_THAT(test::message_of([&] { read_lora(file(), unet_.layers_to_add_to()); }),
              HasSubstr("lora.safetensors"));
  EXPECT_THAT(test::message_of([&] { read_lora(folder_ / "none.bin", unet_.layers_to_add_to()); }),
              HasSubstr("none.bin"));
}

}  // namespace
}  // namespace dvar::diffusion
