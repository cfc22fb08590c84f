#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "demo.hpp"
#include "training/concept_training.hpp"

namespace dvar::training {
namespace {

TEST(textual_inversion_test, only_the_concepts_vectors_train) {
  const demo_inversion demo;
  const at::Tensor embedding = demo.model.text_encoder.token_embedding().clone();
  concept_training inversion = demo.begin();
  for (std::int64_t step = 1; step <= 3; ++step)
    EXPECT_TRUE(inversion.take_step(step).applied);
  EXPECT_TRUE(at::equal(embedding, demo.model.text_encoder.token_embedding()));
  EXPECT_FALSE(at::equal(demo.initial, inversion.vectors()));
}

TEST(textual_inversion_test, every_vector_of_a_token_moves) {
  const demo_inversion demo{3};
  concept_training inversion = demo.begin();
  inversion.take_step(1);
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_FALSE(at::equal(demo.initial[i], inversion.vectors()[i])) << i;
}

TEST(textual_inversion_test, draws_are_a_function_of_seed_and_step) {
  const demo_inversion demo;
  const concept_training one = demo.begin(1);
  const inversion_inputs first = one.draw(5);
  one.draw(6);
  const inversion_inputs again = demo.begin(1).draw(5);
  EXPECT_TRUE(at::equal(first.noise, again.noise));
  EXPECT_TRUE(at::equal(first.pictures, again.pictures));
  EXPECT_TRUE(at::equal(first.timesteps, again.timesteps));
  EXPECT_FALSE(at::equal(first.noise, demo.begin(2).draw(5).noise));
  EXPECT_FALSE(at::equal(first.noise, first.latent_noise));
}

TEST(textual_inversion_test, workers_share_a_batch_and_give_its_loss_and_gradient) {
  const demo_inversion alone;
  const concept_training whole = alone.begin();
  const inversion_inputs inputs = whole.draw(1);
  const at::Tensor loss = whole.loss(inputs);
  const at::Tensor gradient = torch::autograd::grad({loss}, {whole.vectors()}).front();
  for (const std::int64_t count : {1, 2, 3, 5}) {
    const demo_inversion demo{1, count};
    const inversion_loss shared = demo.begin().evaluate(inputs);
    // fp32 sums in another order.
    EXPECT_NEAR(shared.value.item<double>(), loss.item<double>(), 1e-5 * loss.item<double>()) << count;
    EXPECT_LT((shared.gradient - gradient).abs().max().item<double>(),
              1e-4 * gradient.abs().max().item<double>())
        << count;
  }
}

// AdamW's first steps make much of last digits: only equal ones stay equal. Every worker has one thread, as operations
// divided among several have other last digits.
TEST(textual_inversion_test, micro_batches_give_the_same_with_any_number_of_workers) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const auto learn = [](std::int64_t worker_count, std::optional<std::int64_t> micro_batch) {
    const demo_inversion demo{1, worker_count};
    const inversion_options options{.batch = 5, .micro_batch = micro_batch, .seed = 7};
    concept_training inversion{demo.model, demo.pictures, demo.prompts, demo.initial, options, demo.workers};
    for (std::int64_t step = 1; step <= 5; ++step)
      inversion.take_step(step);
    return inversion.vectors().detach().clone();
  };
  const at::Tensor expected = learn(1, 2);
  EXPECT_TRUE(at::equal(learn(2, 2), expected));
  EXPECT_TRUE(at::equal(learn(3, 2), expected));
  EXPECT_FALSE(at::equal(learn(1, {}), expected)) << "micro-batches were not evaluated";
  EXPECT_THROW(learn(1, 0), std::invalid_argument);
  at::set_num_threads(before);
}

TEST(textual_inversion_test, shared_steps_are_repeatable) {
  const demo_inversion demo{1, 2};
  concept_training first = demo.begin();
  concept_training second = demo.begin();
  for (std::int64_t step = 1; step <= 5; ++step)
    EXPECT_EQ(first.take_step(step).loss, second.take_step(step).loss);
  EXPECT_TRUE(at::equal(first.vectors(), second.vectors()));
}

TEST(textual_inversion_test, a_loss_without_gradients_has_no_graph) {
  const demo_inversion demo{1, 2};
  const concept_training inversion = demo.begin();
  const inversion_inputs inputs = inversion.draw(1);
  const at::NoGradGuard no_gradient;
  EXPECT_FALSE(inversion.evaluate(inputs).gradient.defined());
}

TEST(textual_inversion_test, a_non_finite_loss_does_not_reach_the_vectors) {
  const demo_inversion demo;
  concept_training inversion{
      demo.model,   demo.pictures,
      demo.prompts, at::full_like(demo.initial, std::numeric_limits<float>::quiet_NaN()),
      {},           demo.workers};
  const step_outcome outcome = inversion.take_step(1);
  EXPECT_FALSE(outcome.applied);
  EXPECT_EQ(inversion.state().at("optimizer/updates").item<std::int64_t>(), 0);
}

TEST(textual_inversion_test, accumulation_adds_up_the_gradients_of_other_draws) {
  const demo_inversion demo;
  const concept_training one{demo.model,   demo.pictures, demo.prompts,
                             demo.initial, {.batch = 2},  demo.workers};
  const concept_training three{
      demo.model, demo.pictures, demo.prompts, demo.initial, {.batch = 2, .accumulation = 3}, demo.workers};
  const inversion_loss mean = three.evaluate_step(2);
  // Batches 1 to 6 of the same stream: the second step of three has the last three.
  at::Tensor gradient = at::zeros_like(demo.initial);
  double value = 0.0;
  for (std::int64_t step = 4; step <= 6; ++step) {
    const inversion_loss part = one.evaluate(one.draw(step));
    gradient += part.gradient / 3.0;
    value += part.value.item<double>() / 3.0;
  }
  EXPECT_NEAR(mean.value.item<double>(), value, 1e-12);
  EXPECT_LT((mean.gradient - gradient).abs().max().item<double>(),
            1e-6 * gradient.abs().max().item<double>());
}

TEST(textual_inversion_test, sharpness_aware_steps_see_the_perturbed_point_of_the_same_batch) {
  const demo_inversion demo;
  // With SGD without momentum or decay, a step is the gradient times the rate.
  inversion_options options{
      .batch = 2, .optimizer = sgd_options{.learning_rate = 1.0, .momentum = 0.0}, .seed = 7};
  const auto step_of = [&](const std::optional<sharpness_options>& sharpness) {
    options.sharpness = sharpness;
    concept_training inversion{demo.model, demo.pictures, demo.prompts, demo.initial, options, demo.workers};
    EXPECT_TRUE(inversion.take_step(1).applied);
    return at::Tensor{demo.initial - inversion.vectors().detach()};
  };
  const at::Tensor plain = step_of({});
  const sharpness_options sam{.radius = 0.5};
  const at::Tensor moved = demo.initial + ascent(demo.initial, plain, sam);
  const concept_training there{demo.model, demo.pictures, demo.prompts, moved, options, demo.workers};
  const at::Tensor expected = there.evaluate(there.draw(1)).gradient;
  const at::Tensor found = step_of(sam);
  // The step is a difference of fp32 vectors: it has lost digits.
  const double tolerance = 1e-3 * expected.abs().max().item<double>();
  EXPECT_LT((found - expected).abs().max().item<double>(), tolerance);
  EXPECT_GT((found - plain).abs().max().item<double>(), 10.0 * tolerance);
}

TEST(textual_inversion_test, the_schedule_sets_the_rate_of_each_step) {
  const demo_inversion demo;
  inversion_options options{.batch = 1, .seed = 7};
  options.schedule = {.shape = schedule_shape::linear, .warmup_steps = 1, .total_steps = 3};
  concept_training inversion{demo.model, demo.pictures, demo.prompts, demo.initial, options, demo.workers};
  inversion.take_step(1);
  EXPECT_TRUE(at::equal(inversion.vectors().detach(), demo.initial)) << "the warm-up begins at 0";
  inversion.take_step(2);
  EXPECT_FALSE(at::equal(inversion.vectors().detach(), demo.initial));
  const at::Tensor before = inversion.vectors().detach().clone();
  inversion.take_step(4);
  EXPECT_TRUE(at::equal(inversion.vectors().detach(), before)) << "and the end is 0 again";
}

TEST(concept_latents_test, the_second_half_is_mirrored) {
  const demo_inversion demo;
  const concept_latents latents{demo.model.autoencoder, demo.pictures.images(), {}};
  const concept_latents mirrored{demo.model.autoencoder, demo.pictures.images().flip({3}), {}};
  const at::Tensor noise = torch::zeros({1, latents.shape()[0], latents.shape()[1], latents.shape()[2]});
  EXPECT_TRUE(
      at::equal(latents.sample(torch::tensor({4}), noise), mirrored.sample(torch::tensor({0}), noise)));
  EXPECT_FALSE(
      at::equal(latents.sample(torch::tensor({4}), noise), latents.sample(torch::tensor({0}), noise)));
}

}  // namespace
}  // namespace dvar::training
