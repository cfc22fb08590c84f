#include "training/token_sphere.hpp"

#include <gtest/gtest.h>

#include "demo.hpp"

namespace dvar::training {
namespace {

at::Tensor scalar(double value) {
  return torch::tensor(value, at::kDouble);
}

at::Tensor lengths_of(const at::Tensor& vectors) {
  return vectors.detach().norm(2, /*dim=*/1);
}

concept_training begin(const demo_inversion& demo, const inversion_options& options) {
  return {demo.model, demo.pictures, demo.prompts, demo.initial, options, demo.workers};
}

constexpr token_update keeping[] = {token_update::norm_preserving, token_update::directional};

TEST(token_sphere_test, has_the_norm_of_the_vocabulary) {
  const demo_inversion demo;
  const auto norm = [&](const token_update_options& options) {
    return token_sphere::of(demo.model, options)->norms().at(0).item<double>();
  };
  const at::Tensor sorted =
      std::get<0>(demo.model.text_encoder.token_embedding().norm(2, 1).to(at::kDouble).sort());
  ASSERT_GT(sorted[0].item<double>(), 0.0);
  EXPECT_DOUBLE_EQ(norm({.kind = token_update::directional}), sorted.mean().item<double>());
  EXPECT_DOUBLE_EQ(norm({.kind = token_update::norm_preserving}),
                   sorted[(sorted.numel() - 1) / 2].item<double>());
  EXPECT_EQ(norm({.kind = token_update::directional, .norm = 0.4}), 0.4);
  EXPECT_FALSE(token_sphere::of(demo.model, {.norm = 0.4}));
}

TEST(token_sphere_test, each_part_has_its_own_norm) {
  const token_sphere sphere{{2, 3}, {scalar(10.0), scalar(0.5)}};
  const at::Tensor projected =
      sphere.projected(torch::tensor({{3.0, 4.0, 0.0, 0.0, 7.0}, {0.0, -2.0, 1.0, 0.0, 0.0}}));
  EXPECT_TRUE(
      at::allclose(projected, torch::tensor({{6.0, 8.0, 0.0, 0.0, 0.5}, {0.0, -10.0, 0.5, 0.0, 0.0}})));
  EXPECT_TRUE(sphere.has_directions(projected));
  EXPECT_FALSE(sphere.has_directions(torch::tensor({{3.0, 4.0, 0.0, 0.0, 0.0}})));
  EXPECT_FALSE(sphere.has_directions(torch::full({1, 5}, std::numeric_limits<double>::quiet_NaN())));
}

// From the first step on, whatever learns beside them, and in the average.
TEST(token_sphere_test, vectors_stay_on_it) {
  const demo_inversion demo{/*vectors=*/2};
  for (const token_update kind : keeping) {
    for (const auto& [name, method] : method_kinds.entries) {
      SCOPED_TRACE(name);
      concept_training training = begin(demo, {.method = method,
                                               .batch = 1,
                                               .optimizer = adamw_options{.learning_rate = 0.05},
                                               .average = average_options{},
                                               .token_updates = {.kind = kind, .norm = 3.0}});
      const at::Tensor first = training.vectors().detach().clone();
      EXPECT_TRUE(at::allclose(first, demo.initial / lengths_of(demo.initial).unsqueeze(1) * 3.0));
      const at::Tensor threes = at::full({2}, 3.0F);
      for (std::int64_t step = 1; step <= 4; ++step) {
        ASSERT_TRUE(training.take_step(step).applied);
        training.average();
        EXPECT_TRUE(at::allclose(lengths_of(training.vectors()), threes)) << step;
      }
      EXPECT_FALSE(at::allclose(training.vectors(), first, 1e-2, 1e-2));
      const at::Tensor given = training.vectors_of(training.given_values());
      EXPECT_TRUE(at::allclose(lengths_of(given), threes));
      EXPECT_FALSE(at::equal(given, training.vectors().detach()));
    }
  }
}

TEST(token_sphere_test, a_run_goes_on_bit_for_bit) {
  const demo_inversion demo;
  for (const token_update kind : keeping) {
    const inversion_options options{.batch = 1, .token_updates = {.kind = kind}};
    concept_training whole = begin(demo, options);
    concept_training rest = begin(demo, options);
    whole.take_step(1);
    whole.take_step(2);
    rest.load_state(whole.state());
    whole.take_step(3);
    rest.take_step(3);
    EXPECT_TRUE(at::equal(whole.vectors(), rest.vectors()));
  }
}

TEST(token_sphere_test, a_token_that_is_not_learned_stays_as_it_is) {
  const demo_inversion demo;
  const concept_training training = begin(demo, {.method = method_kind::dreambooth_lora,
                                                 .freeze_token = true,
                                                 .token_updates = {.kind = token_update::directional}});
  EXPECT_TRUE(at::equal(training.vectors(), demo.initial));
}

}  // namespace
}  // namespace dvar::training
