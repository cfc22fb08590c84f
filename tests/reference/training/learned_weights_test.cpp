#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "method_fixture.hpp"
#include "thread_ranks.hpp"
#include "training/memory_estimate.hpp"

// What holds for every method that learns more than a token's vectors, with each of its parts.

namespace dvar::training {
namespace {

struct learned_weights_case {
  std::string name;
  inversion_options options{};
  /// What the thing's errors count beside those of a class.
  double weight = 1.0;
  double rounding = 1e-6;  ///< of a loss
};

/// Returns options with batches of two, so that a test takes many steps a second.
inversion_options small_lora(const lora_options& lora) {
  inversion_options options{.method = method_kind::dreambooth_lora, .batch = 2, .seed = 7, .lora = lora};
  options.lora.learning_rate = 1e-3;
  return options;
}

inversion_options small_custom_diffusion(bool rescale) {
  return {.method = method_kind::custom_diffusion,
          .batch = 2,
          .seed = 7,
          .max_gradient_norm = 1.0,
          .custom_diffusion = {.learning_rate = 1e-3, .rescale = rescale}};
}

class learned_weights_test : public method_fixture<testing::TestWithParam<learned_weights_case>> {
 protected:
  static const inversion_options& options() { return GetParam().options; }
};

TEST_P(learned_weights_test, learns_all_and_leaves_the_model_alone) {
  concept_training training = begin(options());
  const at::Tensor before = training.parameters().values().clone();
  const inversion_inputs inputs = training.draw(9);
  const auto predict = [&](const diffusion::latent_diffusion& model) {
    const at::NoGradGuard no_gradient;
    return model.unet(inputs.noise, inputs.timesteps,
                      demo_.prompts.of(model).states(inputs.ids, demo_.initial));
  };
  const at::Tensor predicted = predict(demo_.model);
  EXPECT_TRUE(at::allclose(predicted, predict(training.learned_model()), 1e-3, 1e-4))
      << "it begins as the model";
  const at::Tensor after = learned(training, 3);
  for (const parameter_set::member& member : training.parameters().members()) {
    EXPECT_FALSE(at::equal(parameter_set::part_of(before, member), member.values)) << member.name;
    for (const at::Tensor& leaf : parameter_set::tensors_of(after - before, member))
      EXPECT_GT(leaf.abs().max().item<double>(), 0.0) << member.name;
  }
  EXPECT_TRUE(at::equal(predicted, predict(demo_.model)));
  EXPECT_FALSE(at::allclose(predicted, predict(training.learned_model()), 1e-3, 1e-4));
}

TEST_P(learned_weights_test, a_frozen_token_stays_as_it_begins) {
  inversion_options frozen = options();
  const std::size_t members = begin(frozen).parameters().members().size();
  frozen.freeze_token = true;
  concept_training training = begin(frozen);
  learned(training, 2);
  EXPECT_EQ(training.parameters().members().size(), members - 1);
  EXPECT_EQ(training.parameters().find(vectors_name), nullptr);
  EXPECT_TRUE(at::equal(training.vectors(), demo_.initial));
  EXPECT_TRUE(at::equal(training.vectors_of(training.parameters().values()), demo_.initial));
}

TEST_P(learned_weights_test, prior_and_instance_add_up) {
  inversion_options with_class = options();
  with_class.prior = some_prior(0.25);
  const concept_training training = begin(with_class);
  const inversion_inputs all = training.draw(1);
  ASSERT_EQ(all.batch(), 4);
  inversion_inputs thing = all.part({.first = 0, .count = 2});
  inversion_inputs of_class = all.part({.first = 2, .count = 2});
  thing.weights.reset();
  of_class.weights.reset();
  EXPECT_GE(of_class.pictures.min().item<std::int64_t>(), 2 * demo_.pictures.size());
  EXPECT_EQ(thing.pictures.ge(2 * demo_.pictures.size()).sum().item<std::int64_t>(), 0);
  const auto value = [&](const inversion_inputs& inputs) {
    return training.evaluate(inputs).value.item<double>();
  };
  EXPECT_NEAR(value(all), GetParam().weight * value(thing) + 0.25 * value(of_class), GetParam().rounding);
  EXPECT_NE(value(thing), value(of_class));
}

TEST_P(learned_weights_test, goes_on_from_its_state_bit_for_bit) {
  inversion_options with_class = options();
  with_class.prior = some_prior();
  concept_training whole = begin(with_class);
  concept_training first = begin(with_class);
  learned(first, 3);
  concept_training second = begin(with_class);
  second.load_state(first.state());
  EXPECT_TRUE(at::equal(learned(whole, 6), learned(second, 6, /*first=*/4)));
}

TEST_P(learned_weights_test, micro_batches_give_the_same_with_any_number_of_workers) {
  inversion_options divided = options();
  divided.batch = 3;
  divided.micro_batch = 1;
  divided.prior = prior_options{.classes = {{.pictures = torch::zeros({2, 3, 64, 64}), .prompt = "a dog"}}};
  const auto learn_with = [&](std::int64_t workers) {
    const demo_inversion demo{1, workers};
    concept_training training = begin(demo, divided);
    return learned(training, 3);
  };
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  EXPECT_TRUE(at::equal(learn_with(1), learn_with(2)));
  at::set_num_threads(before);
}

TEST_P(learned_weights_test, checkpointing_changes_no_bit) {
  const demo_inversion checkpointed{1, 1, {.execution = {.gradient_checkpointing = true}}};
  concept_training plain = begin(options());
  concept_training recomputed = begin(checkpointed, options());
  EXPECT_TRUE(at::equal(learned(plain, 2), learned(recomputed, 2)));
}

TEST_P(learned_weights_test, half_precision_learns_about_the_same) {
  const demo_inversion half{1, 1, {.dtype = at::kBFloat16}};
  const concept_training wide = begin(options());
  const concept_training narrow = begin(half, options());
  const inversion_inputs inputs = wide.draw(1);
  const at::Tensor expected = wide.evaluate(inputs).gradient;
  const at::Tensor found = narrow.evaluate(inputs).gradient;
  EXPECT_EQ(narrow.parameters().values().scalar_type(), at::kFloat);
  EXPECT_LT(((found - expected).norm() / expected.norm()).item<double>(), 0.1);
}

TEST_P(learned_weights_test, ranks_take_the_steps_of_one_with_all_of_the_batch) {
  const demo_inversion demo{1, 1, {.dtype = at::kDouble}};
  inversion_options divided = options();
  // By SGD, whose steps are as small as the gradients: AdamW's first ones make much of last digits.
  divided.optimizer = sgd_options{.learning_rate = 1e-3};
  divided.prior = some_prior(0.5);
  divided.batch = 4;
  concept_training whole = begin(demo, divided);
  const at::Tensor expected = learned(whole, 3);
  divided.batch = 2;
  std::vector<at::Tensor> found(2);
  thread_ranks{2}.run([&](const rank_group& group) {
    concept_training training = begin(demo, divided, group);
    found[static_cast<std::size_t>(group.rank())] = learned(training, 3);
  });
  EXPECT_TRUE(at::equal(found[0], found[1]));
  EXPECT_LT(((found[0] - expected).abs().max() / expected.abs().max()).item<double>(), 1e-9);
}

TEST_P(learned_weights_test, a_step_on_shapes_has_the_state_of_one_with_numbers) {
  const weights::model_files files = weights::open_model_files(DVAR_DEMO "/model");
  const memory_estimate estimate =
      estimate_memory(open_shapes(files, {}), demo_.pictures, {.inversion = options()});
  const concept_training training = begin(options());
  std::int64_t state = 0;
  for (const auto& [name, tensor] : training.state())
    state += static_cast<std::int64_t>(tensor.nbytes());
  EXPECT_EQ(estimate.parameters, state);
  EXPECT_GE(estimate.parameters, 12 * training.parameters().size());
}

INSTANTIATE_TEST_SUITE_P(
    methods, learned_weights_test,
    testing::Values(learned_weights_case{.name = "lora", .options = small_lora({})},
                    learned_weights_case{.name = "lora_of_all_layers_with_dropout",
                                         .options = small_lora({.layers = lora_layers::full,
                                                                .conv_rank = 2,
                                                                .dropout = 0.3,
                                                                .text_encoder = true})},
                    learned_weights_case{.name = "custom_diffusion",
                                         .options = small_custom_diffusion(/*rescale=*/true),
                                         .weight = 4.0,
                                         .rounding = 1e-5},
                    learned_weights_case{.name = "custom_diffusion_of_whole_pictures",
                                         .options = small_custom_diffusion(/*rescale=*/false),
                                         .weight = 4.0,
                                         .rounding = 1e-5}),
    [](const auto& given) { return given.param.name; });

}  // namespace
}  // namespace dvar::training
