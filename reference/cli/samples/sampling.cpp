#include "cli/samples/sampling.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cli/memory.hpp"
#include "device/phases.hpp"
#include "diffusion/guidance.hpp"
#include "error.hpp"
#include "training/random.hpp"
#include "weights/messages.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::cli {

option_rows sampling_rows(sampling_options& options, const requirement& needs) {
  option_rows rows{
      {.name = "steps", .value = &options.steps, .help = "Steps of the sampler", .accepts = at_least(1)},
      {.name = "sampler",
       .value = &options.sampler,
       .help = "The sampler",
       .otherwise = "the one that the model names",
       .accepts =
           choices{
               {"ddim"}, {"pndm"}, {"dpm++", "DPM-Solver++ 2M"}, {"euler"}, {"euler-a", "Euler ancestral"}}},
      {.name = "eta",
       .value = &options.eta,
       .help = "Noise of DDIM's steps: 0 none, 1 as DDPM",
       .accepts = between(0, 1)},
      {.name = "guidance", .value = &options.guidance, .help = "Scale of classifier-free guidance"},
      {.name = "seed", .value = &options.seed, .help = "Seed of the noise"},
  };
  for (option_row& row : rows)
    row.needs = needs;
  return rows;
}

void check_sample_count(const diffusion::latent_diffusion& model, std::string_view option,
                        std::int64_t count) {
  const auto edge = static_cast<double>(model.resolution());
  const double picture = 3.0 * edge * edge * sizeof(float);
  require_memory(option, static_cast<double>(count), picture);
}

void warn_of_cut(const diffusion::prompt_encoder& prompts, const std::string& prompt) {
  if (prompts.is_cut(prompt))
    fmt::print(stderr, "The prompt {} is longer than the model reads and loses its end.\n",
               weights::in_quotes(prompt));
}

diffusion::sampling_method method_of(const diffusion::latent_diffusion& model,
                                     const sampling_options& options) {
  if (!options.sampler.empty()) return diffusion::sampling_method_named(options.sampler).value();
  return diffusion::sampling_method_in(model.scheduler).value_or(diffusion::sampling_method::ddim);
}

std::unique_ptr<diffusion::sampler> choose_sampler(const diffusion::latent_diffusion& model,
                                                   const sampling_options& options) {
  return diffusion::make_sampler(method_of(model, options), model.schedule, model.scheduler, options.steps,
                                 options.eta);
}

namespace {

std::vector<std::int64_t> latent_shape(const diffusion::latent_diffusion& model) {
  const models::unet_options& options = model.unet.options();
  return {options.in_channels, options.sample_size, options.sample_size};
}

/// Draws noise from a generator for every picture: its first draw is the initial noise, others follow where
/// the sampler draws noise.
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
  if (!options.latents.defined()) return picture_noise{model, options, options.first, options.count}.draw();
  std::vector<std::int64_t> expected = latent_shape(model);
  expected.insert(expected.begin(), options.count);
  if (options.latents.sizes() != expected) {
    throw input_error(fmt::format("initial latents: expected shape {}, found {}",
                                  weights::to_string(expected), weights::to_string(options.latents.sizes())));
  }
  return options.latents;
}

std::int64_t pictures_at_once(const diffusion::latent_diffusion& model) {
  return model.unet.options().sample_size >= 64 ? 1 : 8;
}

at::Tensor sample_pictures(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                           const std::string& prompt, const at::Tensor& vectors,
                           const sampling_options& options, const training::batch_workers& workers,
                           const std::function<void(std::int64_t)>& on_picture) {
  const at::NoGradGuard no_gradient;
  // What a model learned may be in its text encoder.
  const diffusion::prompt_encoder own = prompts.of(model);
  const models::conditioning context = own.states(own.ids({prompt}), vectors);
  const models::conditioning empty = options.negative_prompt.empty()
                                         ? own.no_prompt(vectors)
                                         : own.states(own.ids({options.negative_prompt}), vectors);
  model.rest_text_encoders();
  const at::Tensor start = initial_latents(model, options);

  const auto draw = [&](std::int64_t first, std::int64_t count) {
    picture_noise noise{model, options, options.first + first, count};
    noise.draw();  // the initial one
    const auto placed = [&](const at::Tensor& values) {
      return values.to(model.placement.device, model.placement.master());
    };
    const auto sampler = choose_sampler(model, options);
    const at::Tensor latents = diffusion::sample_latents(
        model.unet, model.placement, *sampler, placed(start.slice(0, first, first + count)),
        context.expanded(count), empty.expanded(count), options.guidance,
        [&] { return placed(noise.draw()); });
    const device::phase part{"decoding"};
    return model.autoencoder
        .decode(model.autoencoder_placement.images(latents / model.autoencoder.options().scaling_factor))
        .to(at::kCPU, at::kFloat)
        .clamp(-1.0, 1.0);
  };

  const std::int64_t together = pictures_at_once(model);
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
  model.rest_autoencoder();
  return at::cat(pictures);
}

}  // namespace dvar::cli
