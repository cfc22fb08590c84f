// A whole training step, an evaluation of the probe and a step of sampling on LibTorch's `meta` device. A tensor there has
// a shape and no data, and every operation that mixes it with one of the CPU fails, so that this finds a tensor that was
// left behind as a GPU would. Reading a number from it fails too: only the losses may be read, at the end of a step.
#include <gtest/gtest.h>

#include "demo.hpp"
#include "device/meta.hpp"
#include "diffusion/guidance.hpp"
#include "diffusion/sampling_method.hpp"
#include "training/inversion_probe.hpp"

namespace dvar::training {
namespace {

struct setting {
  const char* name;
  models::placement placement;
};

std::vector<setting> settings() {
  const at::Device meta = device::meta_device();
  using models::attention_form;
  return {{"fp32", {.device = meta}},
          {"fp16", {.dtype = at::kHalf, .device = meta}},
          {"bf16, checkpointing, sliced attention",
           {.dtype = at::kBFloat16, .device = meta, .execution = {attention_form::sliced, true}}},
          {"plain attention", {.device = meta, .execution = {attention_form::plain, false}}}};
}

TEST(device_test, a_whole_training_step_leaves_nothing_on_the_cpu) {
  for (const auto& [name, placement] : settings()) {
    SCOPED_TRACE(name);
    const demo_inversion demo{2, 1, placement};
    concept_training inversion = demo.begin();
    const inversion_loss evaluated = inversion.evaluate(inversion.draw(1));
    EXPECT_TRUE(evaluated.value.device().is_meta());
    EXPECT_EQ(evaluated.value.dim(), 0);
    EXPECT_TRUE(evaluated.gradient.device().is_meta());
    EXPECT_EQ(evaluated.gradient.numel(), demo.initial.numel());
    EXPECT_EQ(evaluated.gradient.scalar_type(), at::kDouble);
    inversion.apply(evaluated.gradient);
    EXPECT_TRUE(inversion.vectors().device().is_meta());
  }
}

TEST(device_test, an_evaluation_of_the_probe_leaves_nothing_on_the_cpu) {
  for (const auto& [name, placement] : settings()) {
    SCOPED_TRACE(name);
    const demo_inversion demo{1, 1, placement};
    const concept_training inversion = demo.begin();
    int read = 0;
    auto probe = make_probe(inversion, {.batch = 3}, [&](const at::Tensor& loss) {
      EXPECT_TRUE(loss.device().is_meta());
      EXPECT_FALSE(loss.requires_grad());
      return static_cast<double>(++read);
    });
    EXPECT_EQ(probe(), 1.0);
    EXPECT_EQ(probe(), 2.0);
  }
}

TEST(device_test, a_step_of_sampling_leaves_nothing_on_the_cpu) {
  for (const auto& [name, placement] : settings()) {
    SCOPED_TRACE(name);
    const demo_inversion demo{1, 1, placement};
    const at::NoGradGuard no_gradient;
    const auto states = [&](const char* prompt) {
      return demo.prompts.states(demo.prompts.ids({prompt}), demo.initial.to(placement.device));
    };
    const auto sampler = diffusion::make_sampler(diffusion::sampling_method::ddim, demo.model.schedule,
                                                 demo.model.scheduler, /*steps=*/1);
    const at::Tensor noise = torch::randn({1, 4, 8, 8}).to(placement.device, placement.master());
    const at::Tensor latents = diffusion::sample_latents(demo.model.unet, placement, *sampler, noise,
                                                         states("a photo of a <thing>"), states(""), 7.5);
    const at::Tensor pictures = demo.model.autoencoder.decode(
        placement.images(latents / demo.model.autoencoder.options().scaling_factor));
    EXPECT_TRUE(pictures.device().is_meta());
    EXPECT_EQ(pictures.size(1), 3);
  }
}

TEST(device_test, the_test_sees_a_tensor_that_was_left_behind) {
  const demo_inversion demo{1, 1, {.device = device::meta_device()}};
  const concept_training inversion = demo.begin();
  inversion_inputs inputs = inversion.draw(1);
  inputs.noise = torch::randn(inputs.noise.sizes());
  EXPECT_ANY_THROW(inversion.evaluate(inputs));
}

}  // namespace
}  // namespace dvar::training
