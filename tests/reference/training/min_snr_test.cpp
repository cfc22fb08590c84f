#include "training/min_snr.hpp"

#include <gtest/gtest.h>

#include "demo.hpp"
#include "training/inversion_probe.hpp"

namespace dvar::training {
namespace {

concept_training begin(const demo_inversion& demo, const inversion_options& options) {
  return {demo.model, demo.pictures, demo.prompts, demo.initial, options, demo.workers};
}

TEST(min_snr_test, weighs_by_what_the_network_predicts) {
  using diffusion::prediction;
  // abar is 0.9 and 0.45: ratios of 9 and 9 / 11.
  const diffusion::noise_schedule_options options{.steps = 2, .betas = {0.1, 0.5}};
  const auto weights = [&](prediction predicts) {
    diffusion::noise_schedule_options own = options;
    own.predicts = predicts;
    return min_snr_weights(diffusion::noise_schedule{own}, torch::tensor({0, 1}), /*gamma=*/5.0);
  };
  const auto near = [](const at::Tensor& found, double first, double second) {
    return at::allclose(found, torch::tensor({first, second}, at::kDouble), 1e-6);
  };
  EXPECT_TRUE(near(weights(prediction::epsilon), 5.0 / 9.0, 1.0));
  EXPECT_TRUE(near(weights(prediction::velocity), 0.5, 0.45));
  EXPECT_TRUE(near(weights(prediction::sample), 5.0, 9.0 / 11.0));
}

TEST(min_snr_test, a_limit_above_all_ratios_changes_nothing) {
  const demo_inversion demo;
  concept_training plain = begin(demo, {.batch = 2, .seed = 7});
  concept_training weighed = begin(demo, {.batch = 2, .seed = 7, .min_snr = 1e9});
  const double expected = plain.evaluate(plain.draw(1)).value.item<double>();
  EXPECT_NEAR(weighed.evaluate(weighed.draw(1)).value.item<double>(), expected, 1e-6);
  concept_training limited = begin(demo, {.batch = 2, .seed = 7, .min_snr = 0.01});
  EXPECT_LT(limited.evaluate(limited.draw(1)).value.item<double>(), 0.9 * expected);
}

TEST(min_snr_test, the_probe_is_weighed_too) {
  const demo_inversion demo;
  const concept_training plain = begin(demo, {.seed = 7});
  const concept_training limited = begin(demo, {.seed = 7, .min_snr = 0.01});
  EXPECT_LT(make_probe(limited, {.batch = 2})(), 0.9 * make_probe(plain, {.batch = 2})());
}

TEST(min_snr_test, the_offset_of_noise_is_the_same_for_a_channel) {
  const demo_inversion demo;
  const concept_training plain = begin(demo, {.batch = 64, .seed = 7});
  const concept_training offset = begin(demo, {.batch = 64, .seed = 7, .noise_offset = 0.5});
  const at::Tensor added = offset.draw(1).noise - plain.draw(1).noise;
  EXPECT_LT((added - added.mean({2, 3}, /*keepdim=*/true)).abs().max().item<double>(), 1e-5);
  // 256 numbers with the deviation 0.5.
  EXPECT_NEAR(added.mean({2, 3}).std().item<double>(), 0.5, 0.1);
  EXPECT_NE(added[0][0][0][0].item<double>(), added[0][1][0][0].item<double>());
  EXPECT_TRUE(at::equal(offset.draw(1).timesteps, plain.draw(1).timesteps));
}

TEST(min_snr_test, a_step_tells_the_norm_of_the_vectors_where_it_is_wanted) {
  const demo_inversion demo;
  concept_training plain = begin(demo, {.batch = 1, .seed = 7});
  EXPECT_TRUE(plain.named_norms().empty());
  EXPECT_TRUE(plain.take_step(1).norms.empty());
  concept_training told = begin(demo, {.batch = 1, .seed = 7, .vectors_norm = true});
  const step_outcome outcome = told.take_step(1);
  ASSERT_EQ(outcome.norms.size(), 1U);
  EXPECT_EQ(outcome.norms.front().first, told.named_norms().front());
  EXPECT_NEAR(outcome.norms.front().second, told.vectors().norm().item<double>(), 1e-5);
}

}  // namespace
}  // namespace dvar::training
