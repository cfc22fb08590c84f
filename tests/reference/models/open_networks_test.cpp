// Networks out of files run as they are told, and name the tensors that they left.
#include "models/open_networks.hpp"

#include "models/clip_model.hpp"
#include "toy_models.hpp"

namespace dvar::test {
namespace {

using weights::config_reader;
using tensors = std::map<std::string, at::Tensor>;

const models::placement told{
    .execution = {.attention = models::attention_form::plain, .gradient_checkpointing = true}};

void expect_told(const models::execution_options& found) {
  EXPECT_EQ(found.attention, models::attention_form::plain);
  EXPECT_TRUE(found.gradient_checkpointing);
}

tensors text_tensors(bool with_projection) {
  models::random_parameters drawn{1};
  models::clip_text{models::scope{drawn},
                    models::clip_text_options::from_config(
                        {with(text_config(), "projection_dim", 6), "config"}, with_projection)};
  return drawn.drawn();
}

tensors vision_tensors() {
  models::random_parameters drawn{2};
  models::clip_vision{models::scope{drawn},
                      models::clip_vision_options::from_config({vision_config(), "config"})};
  return drawn.drawn();
}

tensors unet_tensors() {
  models::random_parameters drawn{3};
  models::unet_2d_condition{models::scope{drawn},
                            models::unet_options::from_config({unet_config(), "config"})};
  return drawn.drawn();
}

weights::component_files files_of(const std::string& name, const nlohmann::json& config,
                                  const tensors& values) {
  const auto directory = new_directory() / name;
  put_model(directory, config, values);
  return weights::open_component(directory);
}

TEST(open_networks_test, run_as_they_are_told) {
  expect_told(models::open_clip_text(files_of("text", text_config(), text_tensors(false)), told)
                  .options()
                  .encoder.execution);
  expect_told(models::open_clip_vision(files_of("vision", vision_config(), vision_tensors()), told)
                  .options()
                  .encoder.execution);
  expect_told(models::open_unet(files_of("unet", unet_config(), unet_tensors()), told).options().execution);
}

TEST(open_networks_test, run_both_towers_of_a_clip_as_they_are_told) {
  tensors both = text_tensors(true);
  both.merge(vision_tensors());
  const auto files = files_of(
      "clip", {{"projection_dim", 6}, {"text_config", text_config()}, {"vision_config", vision_config()}},
      both);
  const auto towers = models::clip_model::open(files, told);
  expect_told(towers.text.options().encoder.execution);
  expect_told(towers.vision.options().encoder.execution);
}

/// Is what a file has, and what is computed from it.
class open_networks_wherever_weights_are_test
    : public testing::TestWithParam<std::pair<at::ScalarType, at::ScalarType>> {};

INSTANTIATE_TEST_SUITE_P(open_networks_test, open_networks_wherever_weights_are_test,
                         testing::Values(std::pair{at::kHalf, at::kFloat}, std::pair{at::kFloat, at::kFloat},
                                         std::pair{at::kBFloat16, at::kBFloat16},
                                         std::pair{at::kFloat, at::kBFloat16}));

TEST_P(open_networks_wherever_weights_are_test, networks_give_the_same) {
  const auto [stored, type] = GetParam();
  tensors values = unet_tensors();
  for (auto& [name, value] : values)
    value = value.to(stored);
  const auto files = files_of("unet", unet_config(), values);
  const auto outcome = [&](models::weight_place place) {
    const auto unet = models::open_unet(files, {.dtype = type, .weights = place});
    const models::unet_options& options = unet.options();
    torch::manual_seed(4);
    const at::Tensor sample =
        torch::randn({2, options.in_channels, 8, 8}).to(type).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor context = torch::randn({2, 5, options.context_width}).to(type).set_requires_grad(true);
    const at::Tensor value = unet(sample, torch::tensor({1, 500}), context);
    // The files' pages may go at any time between.
    files.weights.release();
    return std::vector<at::Tensor>{value.detach(),
                                   torch::autograd::grad({value.square().sum()}, {context}).front()};
  };
  const std::vector<at::Tensor> in_memory = outcome(models::weight_place::memory);
  for (const auto place : {models::weight_place::file, models::weight_place::streamed}) {
    const std::vector<at::Tensor> elsewhere = outcome(place);
    EXPECT_TRUE(at::equal(elsewhere[0], in_memory[0]));
    EXPECT_TRUE(at::equal(elsewhere[1], in_memory[1]));
  }
}

TEST(open_networks_test, name_what_they_left_but_what_is_known_to_be_of_no_use) {
  tensors values = unet_tensors();
  for (const char* name : {"other", "some.position_ids", "to_logits.weight", "model_ema.decay"})
    values[name] = at::zeros({1});
  models::surplus_names surplus;
  (void)models::open_unet(files_of("unet", unet_config(), values), {}, &surplus);
  EXPECT_THAT(surplus, testing::ElementsAre("other"));
}

TEST(open_networks_test, need_a_projection_only_to_project) {
  const auto files = files_of("text", text_config(), text_tensors(false));
  (void)models::open_clip_text(files, {});
  EXPECT_THAT(message_of([&] { (void)models::open_projecting_clip_text(files, {}); }),
              testing::HasSubstr("text_projection.weight"));
}

}  // namespace
}  // namespace dvar::test
