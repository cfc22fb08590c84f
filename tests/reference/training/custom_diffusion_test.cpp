#include "training/methods/custom_diffusion.hpp"

#include <gtest/gtest.h>

#include "method_fixture.hpp"
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

using custom_diffusion_test = method_fixture<>;

TEST_F(custom_diffusion_test, begins_as_the_model_is) {
  const concept_training training = begin(options_of_two());
  inversion_options vectors_alone = options_of_two();
  vectors_alone.method = method_kind::textual_inversion;
  const concept_training inversion = begin(vectors_alone);
  const inversion_inputs inputs = inversion.draw(1);
  const at::Tensor expected = inversion.loss(inputs);
  EXPECT_NEAR(training.loss(inputs).item<double>(), expected.item<double>(), 1e-5);
}

TEST_F(custom_diffusion_test, learns_keys_and_values_alone) {
  concept_training training = begin(options_of_two());
  const at::Tensor before = training.parameters().values().clone();
  models::layer_weights own;
  for (const auto& [layer, weight] : demo_.model.unet.keys_and_values())
    own[layer] = weight.clone();
  const at::Tensor after = learned(training, 3);
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

TEST_F(custom_diffusion_test, a_step_holds_what_encodes_its_pictures) {
  const weights::model_files files = weights::open_model_files(DVAR_DEMO "/model");
  const memory_estimate estimate =
      estimate_memory(open_shapes(files, {}), demo_.pictures, {.inversion = options_of_two()});
  EXPECT_GE(estimate.step, estimate.encoding) << "pictures are encoded before each step";
}

}  // namespace
}  // namespace dvar::training
