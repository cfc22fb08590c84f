#include "training/methods/dreambooth_lora.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "method_fixture.hpp"
#include "training/memory_estimate.hpp"

namespace dvar::training {
namespace {

/// Returns options with batches of two, so that a test takes many steps a second.
inversion_options small_options() {
  return {.method = method_kind::dreambooth_lora, .batch = 2, .seed = 7, .lora = {.learning_rate = 1e-3}};
}

using dreambooth_lora_test = method_fixture<>;

TEST_F(dreambooth_lora_test, begins_as_the_model_is) {
  const concept_training lora = begin(small_options());
  inversion_options vectors_alone = small_options();
  vectors_alone.method = method_kind::textual_inversion;
  const concept_training inversion = begin(vectors_alone);
  const inversion_inputs inputs = lora.draw(1);
  EXPECT_TRUE(at::equal(inputs.noise, inversion.draw(1).noise)) << "the draws of a step are the method's not";
  EXPECT_TRUE(at::equal(lora.loss(inputs), inversion.loss(inputs)));
}

TEST_F(dreambooth_lora_test, layers_are_those_of_attention_or_of_the_transformers) {
  const auto count = [&](lora_layers layers) { return layers_of(demo_.model.unet, layers).size(); };
  // Eight projections of attention in a transformer, and beside these two of the feed-forward part, one in and one out.
  EXPECT_EQ(12 * count(lora_layers::attention), 8 * count(lora_layers::transformer));
  EXPECT_GT(count(lora_layers::attention), 0U);
  EXPECT_EQ(count(lora_layers::full), demo_.model.unet.layers_to_add_to().size());
  EXPECT_GT(count(lora_layers::full), count(lora_layers::transformer));
  const auto of_text = [&](lora_layers layers) { return layers_of(demo_.model.text_encoder, layers).size(); };
  EXPECT_EQ(6 * of_text(lora_layers::attention), 4 * of_text(lora_layers::transformer));
  EXPECT_EQ(of_text(lora_layers::full), of_text(lora_layers::transformer));
}

TEST_F(dreambooth_lora_test, convolutions_have_a_rank_and_an_alpha_of_their_own) {
  inversion_options options = small_options();
  options.lora.layers = lora_layers::full;
  options.lora.conv_rank = 2;
  options.lora.conv_alpha = 1.0;
  concept_training training = begin(options);
  std::size_t convolutions = 0;
  for (const auto& [layer, added] : training.added()) {
    const bool wide = added.front().down.dim() == 4;
    EXPECT_EQ(added.front().rank(), wide ? 2 : 4) << layer;
    EXPECT_EQ(added.front().scale, wide ? 0.5 : 1.0) << layer;
    convolutions += wide ? 1 : 0;
  }
  EXPECT_GT(convolutions, 10U);
  const at::Tensor before = training.parameters().values().clone();
  const parameter_set::member& factors = *training.parameters().find(lora_name);
  for (const at::Tensor& leaf : parameter_set::tensors_of(learned(training, 2) - before, factors))
    EXPECT_GT(leaf.abs().max().item<double>(), 0.0);
  options.lora.conv_rank = 0;
  EXPECT_THROW(begin(options), std::invalid_argument);
}

TEST_F(dreambooth_lora_test, the_text_encoder_learns_beside_the_unet) {
  inversion_options options = small_options();
  options.freeze_token = true;
  options.lora.text_encoder = true;
  options.lora.text_learning_rate = 1e-4;
  concept_training training = begin(options);
  const parameter_set::member* const of_text = training.parameters().find(text_lora_name);
  ASSERT_NE(of_text, nullptr);
  EXPECT_EQ(of_text->learning_rate, 1e-4);
  EXPECT_EQ(training.named_norms(), (std::vector<std::string>{lora_name, text_lora_name}));
  inversion_options unet_alone = options;
  unet_alone.lora.text_encoder = false;
  EXPECT_TRUE(at::equal(begin(unet_alone).parameters().find(lora_name)->values,
                        training.parameters().find(lora_name)->values))
      << "the UNet's factors begin the same";
  const auto states = [&](const diffusion::latent_diffusion& model) {
    const at::NoGradGuard no_gradient;
    const diffusion::prompt_encoder prompts = demo_.prompts.of(model);
    return prompts.states(prompts.ids({"a photo of a <thing>"}), demo_.initial).states;
  };
  const at::Tensor before = states(demo_.model);
  EXPECT_TRUE(at::equal(before, states(training.learned_model())));
  learned(training, 2);
  EXPECT_TRUE(at::equal(before, states(demo_.model))) << "the model stays as it is";
  EXPECT_GT((before - states(training.learned_model())).abs().max().item<double>(), 1e-4);
}

TEST_F(dreambooth_lora_test, a_text_encoder_without_layers_for_factors_is_refused) {
  const models::ldm_bert_options bert{.vocabulary_size = 30,
                                      .max_length = 8,
                                      .width = 12,
                                      .feed_forward_width = 20,
                                      .layers = 1,
                                      .heads = 2,
                                      .head_width = 6};
  models::random_parameters parameters{3};
  EXPECT_TRUE(
      layers_of(models::text_encoder{models::ldm_bert{models::scope{parameters}, bert}}, lora_layers::full)
          .empty());
}

TEST_F(dreambooth_lora_test, dropout_is_of_the_step_alone) {
  inversion_options options = small_options();
  options.prior = some_prior();
  const concept_training plain = begin(options);
  options.lora.dropout = 0.5;
  options.lora.text_encoder = true;
  concept_training dropping = begin(options);
  learned(dropping, 1);
  const inversion_inputs drawn = dropping.draw(2);
  ASSERT_EQ(drawn.dropout_keys.sizes(), (std::vector<std::int64_t>{4}));
  EXPECT_TRUE(at::equal(drawn.noise, plain.draw(2).noise)) << "all other draws are the same";
  EXPECT_FALSE(plain.draw(2).dropout_keys.defined());
  EXPECT_TRUE(at::equal(drawn.dropout_keys, dropping.draw(2).dropout_keys));
  EXPECT_FALSE(at::equal(drawn.dropout_keys, dropping.draw(3).dropout_keys));
  const auto value = [&](const inversion_inputs& inputs) {
    return dropping.evaluate(inputs).value.item<double>();
  };
  inversion_inputs without = drawn;
  without.dropout_keys.reset();
  EXPECT_EQ(value(drawn), value(drawn));
  EXPECT_NE(value(drawn), value(without));
  options.lora.dropout = 1.0;
  EXPECT_THROW(begin(options), std::invalid_argument);
}

TEST_F(dreambooth_lora_test, the_probe_drops_nothing) {
  inversion_options options = small_options();
  options.lora.dropout = 0.5;
  concept_training dropping = begin(options);
  learned(dropping, 2);
  options.lora.dropout = 0.0;
  concept_training plain = begin(options);
  plain.load_state(dropping.state());
  auto with = make_probe(dropping, {.batch = 2});
  auto without = make_probe(plain, {.batch = 2});
  EXPECT_EQ(with(), without());
}

TEST_F(dreambooth_lora_test, alpha_scales_the_products) {
  inversion_options options = small_options();
  options.lora.rank = 8;
  options.lora.alpha = 2.0;
  const concept_training training = begin(options);
  const models::low_rank_products products = training.added();
  for (const auto& [layer, added] : products) {
    EXPECT_EQ(added.front().rank(), 8) << layer;
    EXPECT_EQ(added.front().scale, 0.25) << layer;
  }
  options.lora.rank = 0;
  EXPECT_THROW(begin(options), std::invalid_argument);
}

TEST_F(dreambooth_lora_test, a_step_holds_more_than_one_of_the_vectors_alone) {
  const weights::model_files files = weights::open_model_files(DVAR_DEMO "/model");
  const auto estimate = [&](method_kind method) {
    inversion_options options = small_options();
    options.method = method;
    options.lora.rank = 16;
    return estimate_memory(open_shapes(files, {}), demo_.pictures, {.inversion = options});
  };
  const memory_estimate lora = estimate(method_kind::dreambooth_lora);
  const memory_estimate vectors = estimate(method_kind::textual_inversion);
  EXPECT_LT(vectors.parameters, 10'000);
  EXPECT_GT(lora.step, vectors.step);
}

}  // namespace
}  // namespace dvar::training
