// What can be said of guided sampling without a peer; trajectories are compared with diffusers' in tests/parity.
#include "diffusion/guidance.hpp"

#include <gtest/gtest.h>

#include "diffusion/prompt_encoder.hpp"
#include "diffusion/sampling_method.hpp"

namespace dvar::diffusion {
namespace {

constexpr double scale = 7.5;

struct start {
  latent_diffusion model;
  models::conditioning context, empty;
  at::Tensor latents;

  explicit start(at::ScalarType dtype)
      : model{latent_diffusion::open(std::filesystem::path{DVAR_DEMO "/model"}, {.dtype = dtype})} {
    const prompt_encoder prompts{model};
    context = prompts.states(prompts.ids({"a green frog"}));
    empty = prompts.states(prompts.ids({""}));
    at::manual_seed(6);
    latents = torch::randn({1, 4, 8, 8}).to(model.placement.master());
  }

  std::unique_ptr<sampler> sampler_of(std::int64_t steps) const {
    return make_sampler(sampling_method::ddim, model.schedule, model.scheduler, steps);
  }
};

TEST(sample_latents_test, keeps_the_sample_in_single_precision_where_the_network_computes_in_half) {
  const at::NoGradGuard no_gradient;
  const start begin{at::kBFloat16};
  const latent_diffusion& model = begin.model;
  const auto walked = begin.sampler_of(4);
  const at::Tensor found =
      sample_latents(model.unet, model.placement, *walked, begin.latents, begin.context, begin.empty, scale);
  ASSERT_EQ(found.scalar_type(), at::kFloat);

  // The same by hand: nothing but the network's input and output is rounded.
  const auto sampler = begin.sampler_of(4);
  at::Tensor sample = begin.latents;
  for (const double timestep : sampler->timesteps()) {
    const at::Tensor both =
        model
            .unet(model.placement.images(at::cat({sample, sample})), torch::full({2}, timestep, at::kFloat),
                  begin.empty.followed_by(begin.context))
            .to(at::kFloat);
    const at::Tensor without = both.slice(0, 0, 1), with = both.slice(0, 1, 2);
    sample = sampler->step(without + scale * (with - without), sample);
  }
  EXPECT_TRUE(at::equal(found, sample));
  EXPECT_FALSE(at::equal(found, found.to(at::kBFloat16).to(at::kFloat)));
}

TEST(sample_latents_test, asks_once_where_there_is_nothing_to_guide) {
  const at::NoGradGuard no_gradient;
  const start begin{at::kDouble};
  const latent_diffusion& model = begin.model;
  const auto guided = [&](double of) {
    return guided_prediction(model.unet, model.placement, begin.latents, torch::tensor({500}), begin.context,
                             begin.empty, of);
  };
  const auto distance = [](const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>();
  };
  const at::Tensor alone = guided(1.0), nearly = guided(1.0 + 1e-9), without = guided(0.0);
  EXPECT_LT(distance(alone, nearly), 1e-7);
  EXPECT_GT(distance(alone, without), 1e-4);
  EXPECT_LT(distance(guided(3.0), without + 3.0 * (alone - without)), 1e-10);
}

}  // namespace
}  // namespace dvar::diffusion
