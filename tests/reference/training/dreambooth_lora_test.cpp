#include "training/methods/dreambooth_lora.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "demo.hpp"
#include "thread_ranks.hpp"
#include "training/memory_estimate.hpp"

namespace dvar::training {
namespace {

/// Returns options with batches of two, so that a test takes many steps a second.
inversion_options small_options() {
  return {.method = method_kind::dreambooth_lora, .batch = 2, .seed = 7, .lora = {.learning_rate = 1e-3}};
}

prior_options some_prior(double weight = 1.0) {
  return {.pictures = torch::rand({3, 3, 64, 64}) * 2 - 1, .prompt = "a photo of a dog", .weight = weight};
}

class dreambooth_lora_test : public testing::Test {
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

TEST_F(dreambooth_lora_test, begins_as_the_model_is) {
  const concept_training lora = begin(small_options());
  inversion_options vectors_alone = small_options();
  vectors_alone.method = method_kind::textual_inversion;
  const concept_training inversion = begin(vectors_alone);
  const inversion_inputs inputs = lora.draw(1);
  EXPECT_TRUE(at::equal(inputs.noise, inversion.draw(1).noise)) << "the draws of a step are the method's not";
  EXPECT_TRUE(at::equal(lora.loss(inputs), inversion.loss(inputs)));
}

TEST_F(dreambooth_lora_test, learns_factors_and_vectors_and_leaves_the_model_alone) {
  concept_training training = begin(small_options());
  const at::Tensor before = training.parameters().values().clone();
  const inversion_inputs inputs = training.draw(9);
  const models::unet_2d_condition& unet = demo_.model.unet;
  const auto predict = [&] {
    const at::NoGradGuard no_gradient;
    return unet(inputs.noise, inputs.timesteps, demo_.prompts.states(inputs.ids, demo_.initial));
  };
  const at::Tensor predicted = predict();
  const at::Tensor after = learned(training, 3);
  for (const parameter_set::member& member : training.parameters().members()) {
    EXPECT_FALSE(at::equal(parameter_set::part_of(before, member), member.values)) << member.name;
    for (const at::Tensor& leaf : parameter_set::tensors_of(after - before, member))
      EXPECT_GT(leaf.abs().max().item<double>(), 0.0) << member.name;
  }
  EXPECT_TRUE(at::equal(predicted, predict()));
}

TEST_F(dreambooth_lora_test, a_frozen_token_stays_as_it_begins) {
  inversion_options options = small_options();
  options.freeze_token = true;
  concept_training training = begin(options);
  learned(training, 2);
  EXPECT_EQ(training.parameters().members().size(), 1U);
  EXPECT_TRUE(at::equal(training.vectors(), demo_.initial));
  EXPECT_TRUE(at::equal(training.vectors_of(training.parameters().values()), demo_.initial));
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

TEST_F(dreambooth_lora_test, goes_on_from_its_state_bit_for_bit) {
  inversion_options options = small_options();
  options.prior = some_prior();
  options.lora.dropout = 0.3;
  options.lora.text_encoder = true;
  concept_training whole = begin(options);
  concept_training first = begin(options);
  learned(first, 3);
  concept_training second = begin(options);
  second.load_state(first.state());
  EXPECT_TRUE(at::equal(learned(whole, 6), learned(second, 6, /*first=*/4)));
}

TEST_F(dreambooth_lora_test, micro_batches_give_the_same_with_any_number_of_workers) {
  const auto learn_with = [&](std::int64_t workers) {
    const demo_inversion demo{1, workers};
    inversion_options options = small_options();
    options.batch = 3;
    options.micro_batch = 1;
    options.lora.dropout = 0.3;
    options.prior = prior_options{.pictures = torch::zeros({2, 3, 64, 64}), .prompt = "a dog"};
    concept_training training = begin(demo, options);
    return learned(training, 3);
  };
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  EXPECT_TRUE(at::equal(learn_with(1), learn_with(2)));
  at::set_num_threads(before);
}

TEST_F(dreambooth_lora_test, checkpointing_changes_no_bit) {
  const demo_inversion checkpointed{1, 1, {.execution = {.gradient_checkpointing = true}}};
  inversion_options options = small_options();
  options.lora.layers = lora_layers::full;
  options.lora.text_encoder = true;
  options.lora.dropout = 0.3;
  concept_training plain = begin(options);
  concept_training recomputed = begin(checkpointed, options);
  EXPECT_TRUE(at::equal(learned(plain, 2), learned(recomputed, 2)));
}

TEST_F(dreambooth_lora_test, half_precision_learns_about_the_same) {
  const demo_inversion half{1, 1, {.dtype = at::kBFloat16}};
  const concept_training wide = begin(small_options());
  const concept_training narrow = begin(half, small_options());
  const inversion_inputs inputs = wide.draw(1);
  const at::Tensor expected = wide.evaluate(inputs).gradient;
  const at::Tensor found = narrow.evaluate(inputs).gradient;
  EXPECT_EQ(narrow.parameters().values().scalar_type(), at::kFloat);
  EXPECT_LT(((found - expected).norm() / expected.norm()).item<double>(), 0.1);
}

TEST_F(dreambooth_lora_test, ranks_take_the_steps_of_one_with_all_of_the_batch) {
  const demo_inversion demo{1, 1, {.dtype = at::kDouble}};
  inversion_options options = small_options();
  // By SGD, whose steps are as small as the gradients: AdamW's first ones make much of last digits.
  options.optimizer = sgd_options{.learning_rate = 1e-3};
  options.prior = some_prior(0.5);
  options.lora.dropout = 0.3;
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

TEST_F(dreambooth_lora_test, prior_and_instance_add_up) {
  inversion_options options = small_options();
  options.prior = some_prior(0.25);
  const concept_training training = begin(options);
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
  EXPECT_NEAR(value(all), value(thing) + 0.25 * value(of_class), 1e-6);
  EXPECT_NE(value(thing), value(of_class));
}

TEST_F(dreambooth_lora_test, a_step_on_shapes_holds_what_one_with_numbers_holds) {
  const weights::model_files files = weights::open_model_files(DVAR_DEMO "/model");
  const auto estimate = [&](method_kind method) {
    inversion_options options = small_options();
    options.method = method;
    options.lora.rank = 16;
    return estimate_memory(open_shapes(files, {}), demo_.pictures, {.inversion = options});
  };
  inversion_options options = small_options();
  options.lora.rank = 16;
  const concept_training training = begin(options);
  std::int64_t state = 0;
  for (const auto& [name, tensor] : training.state())
    state += static_cast<std::int64_t>(tensor.nbytes());
  const memory_estimate lora = estimate(method_kind::dreambooth_lora);
  const memory_estimate vectors = estimate(method_kind::textual_inversion);
  EXPECT_EQ(lora.parameters, state);
  EXPECT_GE(lora.parameters, 12 * training.parameters().size());
  EXPECT_LT(vectors.parameters, 10'000);
  EXPECT_GT(lora.step, vectors.step);
}

}  // namespace
}  // namespace dvar::training
