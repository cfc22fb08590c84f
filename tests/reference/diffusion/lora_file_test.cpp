#include "diffusion/lora_file.hpp"

#include "../files.hpp"
#include "../models/toy_models.hpp"
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
    for (const models::added_products& place : unet_.layers_to_add_to())
      products_[place.layer] = {
          {.down = torch::rand({2, place.in}), .up = torch::rand({place.out, 2}), .scale = 0.75}};
  }
  std::filesystem::path file() const { return folder_ / "lora.safetensors"; }
  models::low_rank_products read_of(const std::map<std::string, at::Tensor>& tensors,
                                    const std::map<std::string, std::string>& metadata = {}) const {
    weights::write_safetensors(file(), tensors, metadata);
    return read_lora(file(), unet_);
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
    write_lora(file(), layout, products_, unet_, {{"modelspec.title", "a thing"}});
    EXPECT_EQ(weights::tensor_file{file()}.metadata().at("modelspec.title"), "a thing");
    const models::low_rank_products read = read_lora(file(), unet_);
    ASSERT_EQ(read.size(), products_.size());
    for (const auto& [where, added] : products_) {
      const models::low_rank& expected = added.front();
      const models::low_rank& found = read.at(where).front();
      EXPECT_TRUE(at::equal(found.down, expected.down)) << where;
      EXPECT_TRUE(at::allclose(found.up * found.scale, expected.up * expected.scale)) << where;
    }
  }
}

TEST_F(lora_file_test, diffusers_layout_needs_no_alpha_and_kohyas_has_it) {
  write_lora(file(), lora_layout::diffusers, products_, unet_, {});
  EXPECT_EQ(read_lora(file(), unet_).at(layer).front().scale, 1.0);
  write_lora(file(), lora_layout::kohya, products_, unet_, {});
  EXPECT_EQ(weights::tensor_file{file()}.tensor(std::string{kohya_layer} + ".alpha").item<double>(), 1.5);
  EXPECT_EQ(read_lora(file(), unet_).at(layer).front().scale, 0.75);
}

TEST_F(lora_file_test, an_adapters_alpha_is_read_from_the_metadata) {
  const auto scale = [&](const std::string& config) {
    return read_of(good(), {{"lora_adapter_metadata", config}}).at(layer).front().scale;
  };
  EXPECT_EQ(scale(R"({"unet.r": 2, "unet.lora_alpha": 8})"), 4.0);
  EXPECT_EQ(scale(R"({"text_encoder.lora_alpha": 8})"), 1.0);
  for (const char* config :
       {R"({"unet.use_dora": true})", R"({"unet.use_rslora": true})", R"({"unet.alpha_pattern": {"a": 1}})",
        R"({"unet.lora_alpha": "much"})", R"([1)", R"([1])"}) {
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
  EXPECT_THROW(write_lora(folder_ / "new.safetensors", lora_layout::diffusers, products_, unet_, {}),
               input_error);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new.safetensors"));
}

TEST_F(lora_file_test, other_files_are_refused) {
  test::put(file(), "no tensors");
  EXPECT_THAT(test::message_of([&] { read_lora(file(), unet_); }), HasSubstr("lora.safetensors"));
  EXPECT_THAT(test::message_of([&] { read_lora(folder_ / "none.bin", unet_); }), HasSubstr("none.bin"));
}

}  // namespace
}  // namespace dvar::diffusion
