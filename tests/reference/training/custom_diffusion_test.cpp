#include "training/methods/custom_diffusion.hpp"

#include <gtest/gtest.h>

#include "method_fixture.hpp"
#include "training/inversion_probe.hpp"
#include "training/memory_estimate.hpp"
#include "training/rescaling.hpp"

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

/// Frogs and cherries, each with a token, prompts and a class; the cherries are three.
class two_concepts_test : public custom_diffusion_test {
 protected:
  two_concepts_test() {
    prompts_.add("<other>", 2);
    options_.batch = 30;
    options_.prior =
        prior_options{.classes = {{.pictures = torch::zeros({2, 3, 64, 64}), .prompt = "a dog"},
                                  {.pictures = torch::zeros({1, 3, 64, 64}), .prompt = "a cat"}}};
  }
  concept_training begin_both() const {
    return {demo_.model, pictures_,    prompts_, at::cat({demo_.initial, demo_.initial, 2 * demo_.initial}),
            options_,    demo_.workers};
  }
  /// Returns whether rows of ids are any of these prompts'.
  at::Tensor are_any_of(const at::Tensor& ids, const std::vector<std::string>& prompts) const {
    return ids.unsqueeze(1).eq(prompts_.ids(prompts).unsqueeze(0)).all(2).any(1);
  }

  data::concept_dataset pictures_ = data::concept_dataset::joined(
      {{demo_.pictures, "<thing>", {"a photo of a {}", "{} alone"}},
       {data::concept_dataset{{.images_dir = DVAR_DEMO "/concepts/cherries", .size = 64, .hold_out = 1}},
        "<other>",
        {"the {}"}}});
  diffusion::prompt_encoder prompts_ = demo_.prompts;
  inversion_options options_ = options_of_two();
};

TEST_F(two_concepts_test, every_input_has_the_token_of_its_picture) {
  const concept_training training = begin_both();
  const inversion_inputs all = training.draw(1);
  ASSERT_EQ(all.batch(), 60);
  const inversion_inputs things = all.part({.first = 0, .count = 30});
  const at::Tensor of_first = (things.pictures % pictures_.size()).lt(demo_.pictures.size());
  EXPECT_TRUE(of_first.any().item<bool>() && !of_first.all().item<bool>());
  std::vector<std::string> first{"a photo of a <thing>", "<thing> alone"}, second{"the <other>"};
  const std::size_t plain = first.size();
  for (const std::string_view words : size_words) {
    for (std::size_t i = 0; i < plain; ++i)
      first.push_back(with_size_words(words, first[i]));
    second.push_back(with_size_words(words, second.front()));
  }
  EXPECT_TRUE(at::equal(are_any_of(things.ids, first), of_first));
  EXPECT_TRUE(at::equal(are_any_of(things.ids, second), of_first.logical_not()));
  EXPECT_FALSE(are_any_of(things.ids, {first[0], first[1], second[0]}).all().item<bool>()) << "words of size";
}

TEST_F(two_concepts_test, every_class_picture_has_the_prompt_of_its_class) {
  const concept_training training = begin_both();
  const inversion_inputs of_class = training.draw(1).part({.first = 30, .count = 30});
  const at::Tensor numbers = of_class.pictures - 2 * pictures_.size();
  EXPECT_EQ(numbers.min().item<std::int64_t>(), 0);
  EXPECT_EQ(numbers.max().item<std::int64_t>(), 2);
  EXPECT_TRUE(at::equal(are_any_of(of_class.ids, {"a dog"}), numbers.lt(2)));
  EXPECT_TRUE(at::equal(are_any_of(of_class.ids, {"a cat"}), numbers.eq(2)));
}

TEST_F(two_concepts_test, a_step_moves_the_vectors_of_all_tokens) {
  options_.batch = 4;
  concept_training training = begin_both();
  const at::Tensor before = training.vectors().detach().clone();
  ASSERT_EQ(before.size(0), 3);
  learned(training, 4);
  EXPECT_TRUE((training.vectors() - before).abs().amax(1).gt(0).all().item<bool>());
}

TEST_F(two_concepts_test, a_probe_of_two_inputs_has_both) {
  options_.prior.reset();
  const concept_training training = begin_both();
  const auto change = [&](std::int64_t row) {
    // The loss of the probe's prompts moves with the vectors that are in them, and with no others.
    const at::NoGradGuard no_gradient;
    auto probe = make_probe(training, {.batch = 2, .accumulation = 1});
    const double before = probe();
    at::Tensor vector = training.vectors()[row];
    const at::Tensor kept = vector.clone();
    vector.neg_();
    const double after = probe();
    vector.copy_(kept);
    return std::abs(after - before);
  };
  for (std::int64_t row = 0; row < 3; ++row)
    EXPECT_GT(change(row), 1e-6) << row;
}

TEST_F(custom_diffusion_test, a_step_holds_what_encodes_its_pictures) {
  const weights::model_files files = weights::open_model_files(DVAR_DEMO "/model");
  const memory_estimate estimate =
      estimate_memory(open_shapes(files, {}), demo_.pictures, {.inversion = options_of_two()});
  EXPECT_GE(estimate.step, estimate.encoding) << "pictures are encoded before each step";
}

}  // namespace
}  // namespace dvar::training
