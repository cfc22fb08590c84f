#include "cli/sampling.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "diffusion/guidance.hpp"
#include "error.hpp"
#include "training/random.hpp"

namespace dvar::cli {

std::unique_ptr<diffusion::sampler> choose_sampler(const diffusion::latent_diffusion& model,
                                                   const sampling_options& options) {
  diffusion::sampling_method method =
      diffusion::sampling_method_in(model.scheduler).value_or(diffusion::sampling_method::ddim);
  if (!options.sampler.empty()) {
    const auto named = diffusion::sampling_method_named(options.sampler);
    if (!named) {
      throw input_error(fmt::format("--sampler: expected ddim, pndm or dpm++, found '{}'", options.sampler));
    }
    method = *named;
  }
  return diffusion::make_sampler(method, model.schedule, model.scheduler, options.steps, options.eta);
}

at::Tensor sample_pictures(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                           const std::string& prompt, const at::Tensor& vectors,
                           const sampling_options& options, const training::batch_workers& workers,
                           const std::function<void(std::int64_t)>& on_picture) {
  const at::NoGradGuard no_gradient;
  const at::Tensor context = prompts.states(prompts.ids({prompt}), vectors);
  const at::Tensor empty = prompts.states(prompts.ids({""}), vectors);
  const std::int64_t edge = model.unet.options().sample_size;

  const auto draw = [&](std::int64_t first, std::int64_t count) {
    std::vector<at::Generator> generators;
    for (std::int64_t i = first; i < first + count; ++i)
      generators.push_back(training::random_of_step(options.seed, i).generator);
    const auto draw_noise = [&] {
      std::vector<at::Tensor> noise;
      for (at::Generator& generator : generators) {
        noise.push_back(
            torch::empty({model.unet.options().in_channels, edge, edge}).normal_(0.0, 1.0, generator));
      }
      return at::stack(noise).to(model.where.device, model.where.dtype);
    };
    const auto sampler = choose_sampler(model, options);
    const auto for_each = [&](const at::Tensor& states) { return states.expand({count, -1, -1}); };
    const at::Tensor latents = diffusion::sample_latents(
        model.unet, *sampler, draw_noise(), for_each(context), for_each(empty), options.guidance, draw_noise);
    return model.autoencoder.decode(latents / model.autoencoder.options().scaling_factor)
        .to(at::kCPU, at::kFloat)
        .clamp(-1.0, 1.0);
  };

  // Small latents share a batch; at 64 x 64 and above memory counts more.
  const std::int64_t together = edge >= 64 ? 1 : 8;
  std::vector<at::Tensor> pictures;
  for (std::int64_t first = 0; first < options.count; first += together) {
    const std::int64_t batch = std::min(together, options.count - first);
    const std::vector<training::batch_share> shares = workers.shares(batch);
    std::vector<at::Tensor> drawn(shares.size());
    workers.run(shares.size(),
                [&](std::size_t i) { drawn[i] = draw(first + shares[i].first, shares[i].count); });
    pictures.insert(pictures.end(), drawn.begin(), drawn.end());
    if (on_picture) on_picture(first + batch);
  }
  return at::cat(pictures);
}

}  // namespace dvar::cli
