#include <limits>

#include <gtest/gtest.h>

#include "demo.hpp"

namespace dvar::training {
namespace {

double distance(const at::Tensor& ours, const at::Tensor& exact) {
  return ((ours - exact).norm() / exact.norm()).item<double>();
}

// One type's unit roundoff is 2^-8 (bf16) or 2^-11 (fp16), fp32's 2^-24. The prediction passes through some hundred
// roundings, which add up like a random walk: ten times the unit is what may remain of them in the loss, where they
// average out; the gradient takes the way twice and does not average. Latents of little noise are left out: there the bundled
// model's own condition, not the way the types are used, decides how large a rounding becomes: in fp32, a draw's noise rounded to
// fp16 changes the gradient of some draws by 5 percent.
void compare_with_fp32(at::ScalarType dtype, double unit) {
  const demo_inversion exact;
  const demo_inversion rounded{1, 1, {.dtype = dtype}};
  const concept_training reference = exact.begin();
  const concept_training inversion = rounded.begin();
  EXPECT_EQ(inversion.vectors().scalar_type(), at::kFloat);
  for (int step = 1; step <= 4; ++step) {
    const inversion_inputs inputs = reference.draw(step);
    inputs.timesteps.clamp_min_(300);
    const inversion_loss expected = reference.evaluate(inputs);
    const inversion_loss found = inversion.evaluate(inputs);
    EXPECT_EQ(found.gradient.scalar_type(), at::kDouble);
    EXPECT_LT(distance(found.value, expected.value), 10.0 * unit) << "step " << step;
    EXPECT_LT(distance(found.gradient, expected.gradient), 30.0 * unit) << "step " << step;
    // It is not fp32 under another name.
    EXPECT_GT(distance(found.gradient, expected.gradient), unit / 100.0) << "step " << step;
  }
}

TEST(precision_test, bf16_gives_the_loss_and_gradient_of_fp32) {
  compare_with_fp32(at::kBFloat16, std::ldexp(1.0, -8));
}

TEST(precision_test, fp16_gives_the_loss_and_gradient_of_fp32) {
  compare_with_fp32(at::kHalf, std::ldexp(1.0, -11));
}

TEST(precision_test, an_overflow_skips_the_step_and_backs_off) {
  const demo_inversion demo{1, 1, {.dtype = at::kHalf}};
  concept_training inversion{demo.model,
                             demo.pictures,
                             demo.prompts,
                             demo.initial,
                             {.seed = 7, .loss_scaling = {.initial = 1e9, .backoff = 1e-3}},
                             demo.workers};
  const step_outcome overflowed = inversion.take_step(1);
  EXPECT_TRUE(std::isfinite(overflowed.loss));
  EXPECT_FALSE(std::isfinite(overflowed.gradient_norm));
  EXPECT_FALSE(overflowed.applied);
  EXPECT_TRUE(overflowed.skipped);
  EXPECT_TRUE(at::equal(inversion.vectors(), demo.initial));
  EXPECT_EQ(inversion.state().at("optimizer/updates").item<std::int64_t>(), 0);
  EXPECT_EQ(inversion.state().at("loss_scale/scale").item<double>(), 1e6);
  while (!inversion.take_step(2).applied) {
  }
  EXPECT_FALSE(at::equal(inversion.vectors(), demo.initial));
}

TEST(precision_test, without_fp16_nothing_is_scaled) {
  const demo_inversion demo{1, 1, {.dtype = at::kBFloat16}};
  EXPECT_FALSE(demo.begin().scaler());
  EXPECT_FALSE(demo.begin().state().contains("loss_scale/scale"));
}

TEST(precision_test, a_loss_that_is_not_finite_is_no_matter_of_scale) {
  const demo_inversion demo{1, 1, {.dtype = at::kHalf}};
  concept_training inversion{
      demo.model,   demo.pictures,
      demo.prompts, at::full_like(demo.initial, std::numeric_limits<float>::quiet_NaN()),
      {},           demo.workers};
  const step_outcome outcome = inversion.take_step(1);
  EXPECT_FALSE(outcome.applied);
  EXPECT_FALSE(outcome.skipped);
  EXPECT_EQ(inversion.scaler()->scale(), 65536.0);
}

TEST(precision_test, an_update_that_overflows_is_no_matter_of_scale) {
  const demo_inversion demo{1, 1, {.dtype = at::kHalf}};
  concept_training inversion{demo.model,
                             demo.pictures,
                             demo.prompts,
                             demo.initial,
                             {.optimizer = sgd_options{.learning_rate = 3e38, .weight_decay = 1e6},
                              .loss_scaling = {.initial = 256.0}},
                             demo.workers};
  const step_outcome outcome = inversion.take_step(1);
  EXPECT_FALSE(outcome.applied);
  EXPECT_TRUE(outcome.overflowed);
  EXPECT_FALSE(outcome.skipped);
  EXPECT_TRUE(at::equal(inversion.vectors(), demo.initial));
  EXPECT_EQ(inversion.scaler()->scale(), 256.0);
}

TEST(precision_test, an_interrupted_run_in_fp16_goes_on_bit_for_bit) {
  const demo_inversion demo{1, 1, {.dtype = at::kHalf}};
  const auto begin = [&] {
    return concept_training{demo.model,
                            demo.pictures,
                            demo.prompts,
                            demo.initial,
                            {.seed = 7, .loss_scaling = {.initial = 256.0, .growth_interval = 2}},
                            demo.workers};
  };
  concept_training whole = begin();
  concept_training first = begin();
  for (std::int64_t step = 1; step <= 3; ++step) {
    whole.take_step(step);
    first.take_step(step);
  }
  concept_training second = begin();
  second.load_state(first.state());
  whole.take_step(4);
  second.take_step(4);
  EXPECT_TRUE(at::equal(whole.vectors(), second.vectors()));
  EXPECT_EQ(whole.scaler()->scale(), 1024.0);
  EXPECT_EQ(second.scaler()->scale(), 1024.0);
}

TEST(precision_test, checkpointing_changes_no_bit_of_a_training_run) {
  const demo_inversion plain;
  const demo_inversion checkpointed{1, 1, {.execution = {.gradient_checkpointing = true}}};
  concept_training first = plain.begin();
  concept_training second = checkpointed.begin();
  for (std::int64_t step = 1; step <= 2; ++step)
    EXPECT_EQ(first.take_step(step).loss, second.take_step(step).loss);
  EXPECT_TRUE(at::equal(first.vectors(), second.vectors()));
}

}  // namespace
}  // namespace dvar::training
