#include "cli/samples/sampling.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "diffusion/guidance.hpp"
#include "error.hpp"
#include "training/random.hpp"
#include "weights/safetensors.hpp"

namespace dvar::cli {

std::vector<std::string> add_sampling_options(CLI::App& command, sampling_options& options) {
  command.add_option("--steps", options.steps, "Steps of the sampler")->capture_default_str();
  command.add_option("--sampler", options.sampler,
                     "ddim, pndm or dpm++ (DPM-Solver++ 2M); the one that the model names if left out");
  command.add_option("--eta", options.eta, "Noise of DDIM's steps: 0 none, 1 as DDPM")->capture_default_str();
  command.add_option("--guidance", options.guidance, "Scale of classifier-free guidance")
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Seed of the noise")->capture_default_str();
  return {"--steps", "--sampler", "--eta", "--guidance", "--seed"};
}

diffusion::learned_concept read_concept_of(const diffusion::latent_diffusion& model,
                                           const std::filesystem::path& file) {
  diffusion::learned_concept learned = diffusion::read_learned_concept(file);
  const std::int64_t width = model.text_encoder.width();
  if (learned.vectors.size(1) != width) {
    throw input_error(fmt::format("{}: expected vectors of {} numbers for this model, found {}",
                                  file.string(), width, learned.vectors.size(1)));
  }
  return learned;
}

std::unique_ptr<diffusion::sampler> choose_sampler(const diffusion::latent_diffusion& model,
                                                   const sampling_options& options) {
  diffusion::sampling_method method =
      diffusion::sampling_method_in(model.scheduler).value_or(diffusion::sampling_method::ddim);
  if (!options.sampler.empty()) {
    const auto named = diffusion::sampling_method_named(options.sampler);
    if (!named)
      throw input_error(fmt::format("--sampler: expected ddim, pndm or dpm++, found '{}'", options.sampler));
    method = *named;
  }
  return diffusion::make_sampler(method, model.schedule, model.scheduler, options.steps, options.eta);
}

namespace {

std::vector<std::int64_t> latent_shape(const diffusion::latent_diffusion& model) {
  const models::unet_options& options = model.unet.options();
  return {options.in_channels, options.sample_size, options.sample_size};
}

/// Every picture has a generator of its own: its first draw is the initial noise, others follow where eta > 0.
class picture_noise {
 public:
  picture_noise(const diffusion::latent_diffusion& model, const sampling_options& options, std::int64_t first,
                std::int64_t count)
      : shape_{latent_shape(model)} {
    for (std::int64_t i = first; i < first + count; ++i)
      generators_.push_back(training::random_of_step(options.seed, i).generator);
  }

  at::Tensor draw() {
    std::vector<at::Tensor> noise;
    for (at::Generator& generator : generators_)
      noise.push_back(torch::empty(shape_).normal_(0.0, 1.0, generator));
    return at::stack(noise);
  }

 private:
  std::vector<std::int64_t> shape_;
  std::vector<at::Generator> generators_;
};

}  // namespace

at::Tensor initial_latents(const diffusion::latent_diffusion& model, const sampling_options& options) {
  if (!options.latents.defined()) return picture_noise{model, options, 0, options.count}.draw();
  std::vector<std::int64_t> expected = latent_shape(model);
  expected.insert(expected.begin(), options.count);
  if (options.latents.sizes() != expected) {
    throw input_error(fmt::format("initial latents: expected shape {}, found {}",
                                  weights::to_string(expected), weights::to_string(options.latents.sizes())));
  }
  return options.latents;
}

at::Tensor sample_pictures(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                           const std::string& prompt, const at::Tensor& vectors,
                           const sampling_options& options, const training::batch_workers& workers,
                           const std::function<void(std::int64_t)>& on_picture) {
  const at::NoGradGuard no_gradient;
  const at::Tensor context = prompts.states(prompts.ids({prompt}), vectors);
  const at::Tensor empty = prompts.states(prompts.ids({""}), vectors);
  const at::Tensor start = initial_latents(model, options);

  const auto draw = [&](std::int64_t first, std::int64_t count) {
    picture_noise noise{model, options, first, count};
    noise.draw();  // the initial one
    const auto placed = [&](const at::Tensor& values) {
      return values.to(model.where.device, model.where.master());
    };
    const auto sampler = choose_sampler(model, options);
    const auto for_each = [&](const at::Tensor& states) { return states.expand({count, -1, -1}); };
    const at::Tensor latents = diffusion::sample_latents(
        model.unet, model.where, *sampler, placed(start.slice(0, first, first + count)), for_each(context),
        for_each(empty), options.guidance, [&] { return placed(noise.draw()); });
    return model.autoencoder.decode(model.where.images(latents / model.autoencoder.options().scaling_factor))
        .to(at::kCPU, at::kFloat)
        .clamp(-1.0, 1.0);
  };

  // Small latents share a batch; at 64 x 64 and above memory counts more.
  const std::int64_t together = start.size(-1) >= 64 ? 1 : 8;
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
