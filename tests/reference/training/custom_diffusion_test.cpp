#include "training/methods/custom_diffusion.hpp"

#include <gtest/gtest.h>

#include "demo.hpp"
#include "thread_ranks.hpp"
#include "training/memory_estimate.hpp"

namespace dvar::training {
namespace {

/// Returns options with batches of two, so that a test takes many steps a second.
inversion_options options_of_two() {
  return {.method = method_kind::custom_diffusion,
          .batch = 2,
          .seed = 7,
          .max_gradient_norm = 1.0,
          .custom_diffusion = {.learning_rate = 1e-3}};
}

prior_options pictures_of_a_class(double weight = 1.0) {
  return {.pictures = torch::rand({3, 3, 64, 64}) * 2 - 1, .prompt = "a photo of a dog", .weight = weight};
}

class custom_diffusion_test : public testing::Test {
 protected:
  concept_training begin(const inversion_options& options, const rank_group& group = single_rank()) const {
    return begin(demo_, options, group);
  }
  static concept_training begin(const demo_inversion& demo, const inversion_options& options,
                                const rank_group& group = single_rank()) {
    return {demo.model, demo.pictures, demo.prompts, demo.initial, options, demo.workers, group};
  }
  static at::Tensor learned(concept_training& training, std::int64_t steps, std::int64_t first = 1) {
    for (std::int64_t step = first; step <= steps; ++step)
      EXPECT_TRUE(training.take_step(step).applied);
    return training.parameters().values().clone();
  }

  demo_inversion demo_;
};

TEST_F(custom_diffusion_test, begins_as_the_model_is) {
  const concept_training training = begin(options_of_two());
  inversion_options vectors_alone = options_of_two();
  vectors_alone.method = method_kind::textual_inversion;
  const concept_training inversion = begin(vectors_alone);
  const inversion_inputs inputs = inversion.draw(1);
  const at::Tensor expected = inversion.loss(inputs);
  EXPECT_NEAR(training.loss(inputs).item<double>(), expected.item<double>(), 1e-5);
}

TEST_F(custom_diffusion_test, learns_weights_and_vectors_and_leaves_the_model_alone) {
  concept_training training = begin(options_of_two());
  const at::Tensor before = training.parameters().values().clone();
  models::layer_weights own;
  for (const auto& [layer, weight] : demo_.model.unet.keys_and_values())
    own[layer] = weight.clone();
  const at::Tensor after = learned(training, 3);
  for (const parameter_set::member& member : training.parameters().members())
    for (const at::Tensor& leaf : parameter_set::tensors_of(after - before, member))
      EXPECT_GT(leaf.abs().max().item<double>(), 0.0) << member.name;
  const models::layer_weights now = training.weights_of(after);
  ASSERT_EQ(now.size(), own.size());
  for (const auto& [layer, weight] : demo_.model.unet.keys_and_values()) {
    EXPECT_TRUE(at::equal(weight, own.at(layer))) << layer;
    EXPECT_TRUE(at::equal(training.weights_of(before).at(layer), weight)) << layer;
    EXPECT_FALSE(at::equal(now.at(layer), weight)) << layer;
  }
  EXPECT_TRUE(training.added().empty());
}

TEST_F(custom_diffusion_test, the_learned_model_predicts_what_was_learned) {
  concept_training training = begin(options_of_two());
  learned(training, 2);
  const inversion_inputs inputs = training.draw(9);
  const at::NoGradGuard no_gradient;
  const models::conditioning states = demo_.prompts.states(inputs.ids, training.vectors());
  const at::Tensor found = training.learned_model().unet(inputs.noise, inputs.timesteps, states);
  at::Tensor expected;
  training.inputs().loss(
      inputs, [&](const at::Tensor&, const at::Tensor& timesteps, const diffusion::prompt_inputs&) {
        return expected = training.learned_model().unet(inputs.noise, timesteps, states);
      });
  EXPECT_TRUE(at::equal(found, expected));
  EXPECT_FALSE(at::allclose(found, demo_.model.unet(inputs.noise, inputs.timesteps, states)));
}

TEST_F(custom_diffusion_test, a_frozen_token_stays_as_it_begins) {
  inversion_options options = options_of_two();
  options.freeze_token = true;
  concept_training training = begin(options);
  learned(training, 2);
  EXPECT_EQ(training.parameters().members().size(), 1U);
  EXPECT_TRUE(at::equal(training.vectors(), demo_.initial));
}

TEST_F(custom_diffusion_test, rescaled_pictures_have_latents_masks_and_words) {
  inversion_options options = options_of_two();
  options.batch = 40;
  const concept_training training = begin(options);
  const inversion_inputs inputs = training.draw(1);
  ASSERT_TRUE(inputs.latents.defined() && inputs.pixel_weights.defined() && !inputs.rescalings.defined());
  EXPECT_EQ(inputs.latents.sizes(), inputs.noise.sizes());
  EXPECT_TRUE(at::allclose(inputs.pixel_weights.mean({1, 2, 3}), torch::ones({40})));
  const std::int64_t whole = inputs.pixel_weights.eq(1).all(3).all(2).all(1).sum().item<std::int64_t>();
  EXPECT_TRUE(whole > 3 && whole < 30) << whole;  // one in three is larger than the frame
  EXPECT_TRUE(inputs.weights.eq(4).all().item<bool>()) << "a sum over four channels";
  // The templates are 27; a prompt without words of size is one of these.
  const at::Tensor plain = training.caption_ids([] {
    std::vector<std::int64_t> all(27);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }());
  const at::Tensor same = inputs.ids.unsqueeze(1).eq(plain.unsqueeze(0)).all(2).any(1);
  EXPECT_TRUE(same.any().item<bool>());
  EXPECT_FALSE(same.logical_or(inputs.pixel_weights.eq(1).all(3).all(2).all(1)).all().item<bool>())
      << "small ones are said to be small";
}

TEST_F(custom_diffusion_test, pictures_as_they_are_have_the_draws_of_other_methods) {
  inversion_options options = options_of_two();
  options.custom_diffusion.rescale = false;
  const inversion_inputs found = begin(options).draw(3);
  options.method = method_kind::textual_inversion;
  const inversion_inputs expected = begin(options).draw(3);
  EXPECT_FALSE(found.latents.defined() || found.pixel_weights.defined());
  EXPECT_TRUE(at::equal(found.noise, expected.noise));
  EXPECT_TRUE(at::equal(found.ids, expected.ids));
}

TEST_F(custom_diffusion_test, a_long_gradient_is_scaled_down) {
  inversion_options options = options_of_two();
  options.optimizer = sgd_options{.learning_rate = 1.0};
  options.custom_diffusion.learning_rate = 1.0;
  const auto moved_by = [&](double length) {
    concept_training training = begin(options);
    const at::Tensor before = training.parameters().values().clone();
    const at::Tensor direction = torch::ones({training.parameters().size()}, at::kDouble);
    training.apply(direction * (length / direction.norm()));
    return (training.parameters().values() - before).to(at::kDouble).norm().item<double>();
  };
  EXPECT_NEAR(moved_by(0.5), 0.5, 1e-3);
  EXPECT_NEAR(moved_by(7.0), 1.0, 1e-3);
  options.max_gradient_norm.reset();
  EXPECT_NEAR(moved_by(7.0), 7.0, 1e-2);
}

TEST_F(custom_diffusion_test, prior_and_instance_add_up) {
  for (const bool rescale : {true, false}) {
    inversion_options options = options_of_two();
    options.custom_diffusion.rescale = rescale;
    options.prior = pictures_of_a_class(0.25);
    const concept_training training = begin(options);
    const inversion_inputs all = training.draw(1);
    ASSERT_EQ(all.batch(), 4);
    inversion_inputs thing = all.part({.first = 0, .count = 2});
    inversion_inputs of_class = all.part({.first = 2, .count = 2});
    thing.weights.reset();
    of_class.weights.reset();
    const auto value = [&](const inversion_inputs& inputs) {
      return training.evaluate(inputs).value.item<double>();
    };
    // The thing's errors are summed up over four channels.
    EXPECT_NEAR(value(all), 4 * value(thing) + 0.25 * value(of_class), 1e-5) << rescale;
  }
}

TEST_F(custom_diffusion_test, goes_on_from_its_state_bit_for_bit) {
  inversion_options options = options_of_two();
  options.prior = pictures_of_a_class();
  concept_training whole = begin(options);
  concept_training first = begin(options);
  learned(first, 3);
  concept_training second = begin(options);
  second.load_state(first.state());
  EXPECT_TRUE(at::equal(learned(whole, 6), learned(second, 6, /*first=*/4)));
}

TEST_F(custom_diffusion_test, micro_batches_give_the_same_with_any_number_of_workers) {
  const auto learn_with = [&](std::int64_t workers) {
    const demo_inversion demo{1, workers};
    inversion_options options = options_of_two();
    options.batch = 3;
    options.micro_batch = 1;
    concept_training training = begin(demo, options);
    return learned(training, 3);
  };
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  EXPECT_TRUE(at::equal(learn_with(1), learn_with(2)));
  at::set_num_threads(before);
}

TEST_F(custom_diffusion_test, half_precision_learns_about_the_same) {
  const demo_inversion half{1, 1, {.dtype = at::kBFloat16}};
  const concept_training wide = begin(options_of_two());
  const concept_training narrow = begin(half, options_of_two());
  const inversion_inputs inputs = wide.draw(1);
  const at::Tensor expected = wide.evaluate(inputs).gradient;
  const at::Tensor found = narrow.evaluate(inputs).gradient;
  EXPECT_EQ(narrow.parameters().values().scalar_type(), at::kFloat);
  EXPECT_LT(((found - expected).norm() / expected.norm()).item<double>(), 0.1);
}

TEST_F(custom_diffusion_test, ranks_take_the_steps_of_one_with_all_of_the_batch) {
  const demo_inversion demo{1, 1, {.dtype = at::kDouble}};
  inversion_options options = options_of_two();
  // By SGD, whose steps are as small as the gradients: AdamW's first ones make much of last digits.
  options.optimizer = sgd_options{.learning_rate = 1e-3};
  options.prior = pictures_of_a_class(0.5);
  options.batch = 4;
  concept_training whole = begin(demo, options);
  const at::Tensor expected = learned(whole, 3);
  options.batch = 2;
  std::vector<at::Tensor> found(2);
  thread_ranks{2}.run([&](const rank_group& group) {
    concept_training training = begin(demo, options, group);
    found[static_cast<std::size_t>(group.rank())] = learned(training, 3);
  });
  EXPECT_TRUE(at::equal(found[0], found[1]));
  EXPECT_LT(((found[0] - expected).abs().max() / expected.abs().max()).item<double>(), 1e-9);
}

TEST_F(custom_diffusion_test, a_step_on_shapes_holds_what_one_with_numbers_holds) {
  const weights::model_files files = weights::open_model_files(DVAR_DEMO "/model");
  const memory_estimate estimate =
      estimate_memory(open_shapes(files, {}), demo_.pictures, {.inversion = options_of_two()});
  const concept_training training = begin(options_of_two());
  std::int64_t state = 0;
  for (const auto& [name, tensor] : training.state())
    state += static_cast<std::int64_t>(tensor.nbytes());
  EXPECT_EQ(estimate.parameters, state);
  EXPECT_GE(estimate.step, estimate.encoding) << "pictures are encoded before each step";
}

}  // namespace
}  // namespace dvar::training
