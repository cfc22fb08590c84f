#include "diffusion/custom_diffusion_file.hpp"

#include "../files.hpp"
#include "../models/toy_models.hpp"
#include "diffusion/lora_file.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::diffusion {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string attention = "mid_block.attentions.0.transformer_blocks.0.attn2";
const std::string key = attention + ".processor.to_k_custom_diffusion.weight";

class custom_diffusion_file_test : public testing::Test {
 protected:
  custom_diffusion_file_test()
      : unet_{models::scope{parameters_},
              models::unet_options::from_config(weights::config_reader{test::unet_config(), "test"})} {
    for (const auto& [layer, weight] : unet_.keys_and_values())
      learned_[layer] = torch::rand_like(weight);
    write_custom_diffusion(file(), learned_, unet_, {{"modelspec.title", "a thing"}});
    const weights::tensor_file written{file()};
    for (const std::string& name : written.names())
      tensors_[name] = written.tensor(name).clone();
  }
  std::filesystem::path file() const { return folder_ / "weights.safetensors"; }
  models::layer_weights read_of(const std::map<std::string, at::Tensor>& tensors) const {
    weights::write_safetensors(file(), tensors);
    return read_custom_diffusion(file(), unet_);
  }
  std::string refusal_with(const std::string& name, const at::Tensor& tensor) const {
    auto tensors = tensors_;
    tensors[name] = tensor;
    return test::message_of([&] { read_of(tensors); });
  }

  models::random_parameters parameters_{3};
  models::unet_2d_condition unet_;
  models::layer_weights learned_;
  std::filesystem::path folder_ = test::new_directory();
  std::map<std::string, at::Tensor> tensors_;  // those of a good file
};

TEST_F(custom_diffusion_file_test, comes_back) {
  const models::layer_weights read = read_custom_diffusion(file(), unet_);
  ASSERT_EQ(read.size(), learned_.size());
  for (const auto& [layer, weight] : learned_)
    EXPECT_TRUE(at::equal(read.at(layer), weight)) << layer;
  EXPECT_EQ(weights::tensor_file{file()}.metadata().at("modelspec.title"), "a thing");
}

TEST_F(custom_diffusion_file_test, names_every_attention) {
  EXPECT_TRUE(at::equal(tensors_.at(key), learned_.at(attention + ".to_k")));
  EXPECT_EQ(tensors_.at("mid_block.attentions.0.transformer_blocks.0.attn1.processor").numel(), 0);
  // Two weights for an attention to the text, an empty tensor for one to the picture.
  EXPECT_EQ(2 * tensors_.size(), 3 * learned_.size());
}

TEST_F(custom_diffusion_file_test, files_without_the_empty_tensors_and_in_half_precision_are_read) {
  std::erase_if(tensors_, [](const auto& each) { return each.second.numel() == 0; });
  for (auto& [name, tensor] : tensors_)
    tensor = tensor.to(at::kHalf);
  const models::layer_weights read = read_of(tensors_);
  EXPECT_EQ(read.size(), learned_.size());
  EXPECT_EQ(read.begin()->second.scalar_type(), at::kFloat);
}

TEST_F(custom_diffusion_file_test, another_models_file_is_refused_by_key_and_shape) {
  EXPECT_THAT(
      refusal_with(key, torch::rand({16, 768})),
      AllOf(HasSubstr("weights.safetensors"), HasSubstr(key), HasSubstr("[16, 12]"), HasSubstr("[16, 768]")));
  EXPECT_THAT(refusal_with(key, torch::ones({16, 12}, at::kLong)), HasSubstr("I64"));
  const std::string more =
      "down_blocks.7.attentions.0.transformer_blocks.0.attn2.processor.to_k_custom_diffusion.weight";
  EXPECT_THAT(refusal_with(more, torch::rand({16, 12})),
              AllOf(HasSubstr(more), HasSubstr("cross-attention")));
  tensors_.erase(key);
  EXPECT_THAT(test::message_of([&] { read_of(tensors_); }),
              AllOf(HasSubstr("all cross-attentions"), HasSubstr(key)));
}

TEST_F(custom_diffusion_file_test, what_is_not_learned_here_is_refused_by_name) {
  for (const std::string part :
       {".processor.to_q_custom_diffusion.weight", ".processor.to_out_custom_diffusion.0.bias"})
    EXPECT_THAT(refusal_with(attention + part, torch::rand({16, 16})), HasSubstr("queries and outputs"));
  EXPECT_THAT(refusal_with("unet." + attention + ".to_k.lora_A.weight", torch::rand({2, 12})),
              HasSubstr("--lora"));
  EXPECT_THAT(refusal_with("<thing>", torch::rand({12})), HasSubstr("something else"));
  EXPECT_THAT(test::message_of([&] { read_of({}); }), HasSubstr("all cross-attentions"));
}

TEST_F(custom_diffusion_file_test, is_no_lora) {
  EXPECT_THAT(test::message_of([&] { read_lora(file(), unet_.layers_to_add_to()); }),
              HasSubstr("--custom-diffusion"));
}

TEST_F(custom_diffusion_file_test, numbers_that_are_not_finite_are_refused) {
  EXPECT_THAT(refusal_with(key, torch::full({16, 12}, NAN)), HasSubstr(key));
  learned_.begin()->second = torch::full_like(learned_.begin()->second, INFINITY);
  EXPECT_THROW(write_custom_diffusion(folder_ / "new.safetensors", learned_, unet_, {}), input_error);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new.safetensors"));
}

TEST_F(custom_diffusion_file_test, other_files_are_refused) {
  test::put(file(), "no tensors");
  EXPECT_THAT(test::message_of([&] { read_custom_diffusion(file(), unet_); }),
              HasSubstr("weights.safetensors"));
  EXPECT_THAT(test::message_of([&] { read_custom_diffusion(folder_ / "none", unet_); }), HasSubstr("none"));
}

}  // namespace
}  // namespace dvar::diffusion
