#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include <dvar/probe/draws.hpp>

#include "training/pretraining/stages.hpp"
#include "training/random.hpp"

namespace dvar::training {
namespace {

/// Keeps the latent distributions of every drawing, encoded once: [variants, drawings, channels, height, width].
struct latent_cache {
  at::Tensor mean;
  at::Tensor deviation;

  latent_cache(const unet_recipe& recipe, const drawing_set& drawings,
               const trained_autoencoder& autoencoder) {
    const at::NoGradGuard no_gradient;
    std::mt19937_64 random{recipe.run.seed};
    std::vector<at::Tensor> means;
    std::vector<at::Tensor> deviations;
    constexpr std::int64_t chunk = 64;
    for (std::int64_t variant = 0; variant < recipe.variants; ++variant) {
      for (std::int64_t start = 0; start < drawings.size(); start += chunk) {
        std::vector<std::int64_t> indices;
        for (std::int64_t i = start; i < std::min(start + chunk, drawings.size()); ++i)
          indices.push_back(i);
        const at::Tensor pictures = variant == 0
                                        ? drawings.pictures(indices)
                                        : drawings.augmented_pictures(indices, recipe.largest_shift, random);
        const models::latent_distribution latents =
            autoencoder.network.encode(pictures.contiguous(at::MemoryFormat::ChannelsLast));
        means.push_back(latents.mean.contiguous());
        deviations.push_back(latents.standard_deviation.contiguous());
      }
    }
    const auto stacked = [&](const std::vector<at::Tensor>& parts) {
      const at::Tensor all = at::cat(parts);
      return all.view({recipe.variants, drawings.size(), all.size(1), all.size(2), all.size(3)});
    };
    mean = stacked(means);
    deviation = stacked(deviations);
  }
};

constexpr std::array<std::int64_t, 4> measured_timesteps{300, 500, 700, 900};

std::int64_t draw_timestep(double emphasis, std::int64_t steps, std::mt19937_64& random) {
  // The inverse of the distribution function u = (t / steps)^(1 + emphasis).
  const double fraction = std::pow(draw_unit(random), 1.0 / (1.0 + emphasis));
  return std::min(steps - 1, static_cast<std::int64_t>(fraction * static_cast<double>(steps)));
}

/// Returns by how much the right caption lowers the noise-prediction error at one timestep, against the empty
/// caption: under the same noise, on the same drawings of the training set. Negative is better.
double caption_gap(const models::unet_2d_condition& network, const latent_cache& latents,
                   const drawing_set& drawings, const models::clip_text& text,
                   const text::clip_tokenizer& tokenizer, const diffusion::noise_schedule& schedule,
                   std::int64_t timestep) {
  const at::NoGradGuard no_gradient;
  constexpr std::int64_t count = 256;
  constexpr std::int64_t chunk = 64;
  std::mt19937_64 engine{4};
  at::Generator generator = seeded_generator(5);
  double right = 0.0;
  double empty = 0.0;
  for (std::int64_t start = 0; start < count; start += chunk) {
    const std::vector<std::int64_t> indices = drawings.draw(chunk, engine);
    std::vector<std::string> captions;
    for (const std::int64_t index : indices)
      captions.push_back("a drawing of a " + drawings[index].name);
    const at::Tensor clean = latents.mean[0].index_select(0, torch::tensor(indices));
    const at::Tensor noise = torch::empty_like(clean).normal_(0.0, 1.0, generator);
    const at::Tensor timesteps = torch::full({chunk}, timestep, at::kLong);
    const at::Tensor noisy = schedule.add_noise(clean, noise, timesteps);
    const auto error = [&](const at::Tensor& states) {
      return at::mse_loss(network(noisy, timesteps, states), schedule.target(clean, noise, timesteps))
          .item<double>();
    };
    right += error(caption_states(text, tokenizer, captions));
    empty += error(caption_states(text, tokenizer, std::vector<std::string>(indices.size())));
  }
  return right / empty - 1.0;
}

/// Returns the means of the latents of drawings of `count` different things.
at::Tensor latent_means(const drawing_set& drawings, std::int64_t count,
                        const trained_autoencoder& autoencoder) {
  const at::NoGradGuard no_gradient;
  std::mt19937_64 random{6};
  const std::vector<std::int64_t> indices = drawings.draw_distinct_concepts(count, random);
  return autoencoder.network.encode(drawings.pictures(indices).contiguous(at::MemoryFormat::ChannelsLast))
      .mean.contiguous();
}

/// Returns the noise-prediction error on latents with one text [1, length, width] for all, over four timesteps and the same noise
/// whenever it is called.
double mean_error(const models::unet_2d_condition& network, const at::Tensor& clean, const at::Tensor& text,
                  const diffusion::noise_schedule& schedule) {
  const at::NoGradGuard no_gradient;
  at::Generator generator = seeded_generator(7);
  const std::int64_t count = clean.size(0);
  double sum = 0.0;
  for (const std::int64_t timestep : measured_timesteps) {
    const at::Tensor noise = torch::empty_like(clean).normal_(0.0, 1.0, generator);
    const at::Tensor timesteps = torch::full({count}, timestep, at::kLong);
    const at::Tensor predicted =
        network(schedule.add_noise(clean, noise, timesteps), timesteps, text.expand({count, -1, -1}));
    sum += at::mse_loss(predicted, schedule.target(clean, noise, timesteps)).item<double>();
  }
  return sum / static_cast<double>(measured_timesteps.size());
}

}  // namespace

trained_unet::trained_unet(const unet_recipe& recipe)
    : parameters{recipe.run.seed},
      network{models::scope{parameters}, models::unet_options::from_config(recipe.config)} {}

trained_unet pretrain_unet(const unet_recipe& recipe, const unet_drawings& given,
                           const trained_autoencoder& autoencoder, const trained_clip& clip,
                           const text::clip_tokenizer& tokenizer, const diffusion::noise_schedule& schedule,
                           const weights::weight_map* earlier, const std::filesystem::path& checkpoint,
                           const pretraining_report& report) {
  trained_unet unet{recipe};
  if (earlier != nullptr) adopt(*earlier, unet.parameters);
  pretraining_run run{unet.parameters.drawn(), recipe.run, checkpoint};
  if (run.finished()) {
    run.adopt_result();
    return unet;
  }
  if (earlier != nullptr && run.step() == 0) run.skip_to_last_round();

  const batch_workers workers{batch_workers::suitable_count(run.batch(), at::kCPU)};
  const drawing_set& drawings = given.seen;
  const latent_cache latents{recipe, drawings, autoencoder};
  at::Tensor some_seen;
  at::Tensor unseen;
  if (given.unseen != nullptr) {
    const std::int64_t compared = std::min(drawings.concepts(), given.unseen->concepts());
    some_seen = latent_means(drawings, compared, autoencoder);
    unseen = latent_means(*given.unseen, compared, autoencoder);
  }
  const models::unet_2d_condition trained =
      recipe.compute_type == at::kFloat
          ? unet.network
          : models::unet_2d_condition{models::scope{run.working_copies(recipe.compute_type)},
                                      unet.network.options()};
  const at::Tensor abar = schedule.alphas_cumulative();
  const at::Tensor weights = ((1.0 - abar) / abar).pow(recipe.weight_power);
  const at::Tensor weight_of_timestep = (weights / weights.mean()).to(at::kFloat);
  const auto measure = [&] {
    std::string line = fmt::format("unet: step {}, error with the right caption against none:", run.step());
    for (const std::int64_t timestep : measured_timesteps) {
      line += fmt::format(
          " {:+.1f} % at t = {}",
          100.0 * caption_gap(unet.network, latents, drawings, clip.text, tokenizer, schedule, timestep),
          timestep);
    }
    report.note(line);
    if (!unseen.defined()) return;
    const at::Tensor no_text = caption_states(clip.text, tokenizer, {""});
    report.note(fmt::format(
        "unet: step {}, error without a caption: {:.4f} on drawings trained on, {:.4f} on drawings never seen",
        run.step(), mean_error(unet.network, some_seen, no_text, schedule),
        mean_error(unet.network, unseen, no_text, schedule)));
  };
  while (!run.finished()) {
    auto [engine, generator] = run.random();
    const std::vector<std::int64_t> batch = drawings.draw(run.batch(), engine);
    std::vector<std::string> captions;
    std::vector<std::int64_t> timesteps;
    std::vector<at::Tensor> means;
    std::vector<at::Tensor> deviations;
    for (const std::int64_t index : batch) {
      const bool empty = draw_chance(engine, recipe.empty_caption);
      captions.push_back(empty ? std::string{} : draw_caption(drawings[index], recipe.captions, engine));
      timesteps.push_back(draw_timestep(recipe.noise_emphasis, schedule.steps(), engine));
      const std::int64_t variant = draw_below(engine, recipe.variants);
      means.push_back(latents.mean[variant][index]);
      deviations.push_back(latents.deviation[variant][index]);
    }
    const auto normal_like = [&, &random = generator](const at::Tensor& like) {
      return torch::empty_like(like).normal_(0.0, 1.0, random);
    };
    const at::Tensor mean = at::stack(means);
    const at::Tensor clean = mean + at::stack(deviations) * normal_like(mean);
    const at::Tensor noise = normal_like(mean);
    const at::Tensor steps = torch::tensor(timesteps);
    const auto loss_of = [&](const batch_share& share) {
      const at::Tensor states = [&] {
        const at::NoGradGuard no_gradient;
        const auto first = captions.begin() + share.first;
        return caption_states(clip.text, tokenizer, {first, first + share.count});
      }();
      const at::Tensor at_steps = share.of(steps);
      const at::Tensor noisy = schedule.add_noise(share.of(clean), share.of(noise), at_steps);
      const at::Tensor predicted =
          trained(noisy.to(recipe.compute_type), at_steps, states.to(recipe.compute_type));
      const at::Tensor target = schedule.target(share.of(clean), share.of(noise), at_steps);
      const at::Tensor errors = (predicted.to(at::kFloat) - target).square().mean({1, 2, 3});
      return (errors * weight_of_timestep.index_select(0, at_steps)).mean();
    };
    const double loss = run.update(workers, loss_of);
    report.progress("unet", run.step(), recipe.run.steps(), loss);
    if (run.step() % recipe.measure_every == 0 && !run.finished()) {
      run.exchange_average();
      measure();
      run.exchange_average();
    }
  }
  run.adopt_result();
  measure();
  return unet;
}

}  // namespace dvar::training
