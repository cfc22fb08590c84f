#include <cmath>

#include <fmt/format.h>

#include <dvar/probe/draws.hpp>

#include "training/pretraining/stages.hpp"

namespace dvar::training {
namespace {

at::Tensor draw_crops(const at::Tensor& pictures, std::int64_t edge, std::mt19937_64& random) {
  std::vector<at::Tensor> crops;
  const std::int64_t places = pictures.size(2) - edge + 1;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    const std::int64_t top = draw_below(random, places);
    const std::int64_t left = draw_below(random, places);
    crops.push_back(pictures[i].narrow(1, top, edge).narrow(2, left, edge));
  }
  return at::stack(crops);
}

at::Tensor loss_of(const models::autoencoder_kl& network, const at::Tensor& pictures,
                   at::Generator& generator, double divergence_weight) {
  const std::vector<at::Tensor> halves = network.moments(pictures).chunk(2, /*dim=*/1);
  const at::Tensor log_variance = halves[1].clamp(-30.0, 20.0);
  const at::Tensor noise = at::empty_like(halves[0]).normal_(0.0, 1.0, generator);
  const at::Tensor decoded = network.decode(halves[0] + at::exp(0.5 * log_variance) * noise);
  const at::Tensor divergence = 0.5 * (halves[0].square() + log_variance.exp() - 1.0 - log_variance).mean();
  return at::l1_loss(decoded, pictures) + at::mse_loss(decoded, pictures) + divergence_weight * divergence;
}

/// Returns the peak signal-to-noise ratio in decibels of pictures in [-1, 1] decoded from the means of
/// their latents.
double reconstruction_psnr(const models::autoencoder_kl& network, const at::Tensor& pictures) {
  const at::NoGradGuard no_gradient;
  const at::Tensor decoded = network.decode(network.encode(pictures).mean).clamp(-1.0, 1.0);
  return 10.0 * std::log10(4.0 / at::mse_loss(decoded, pictures).item<double>());
}

void standardize_latents(const trained_autoencoder& autoencoder, const drawing_set& drawings) {
  const at::NoGradGuard no_gradient;
  std::mt19937_64 random{1};
  std::vector<at::Tensor> means;
  for (int chunk = 0; chunk < 16; ++chunk)
    means.push_back(autoencoder.network.encode(drawings.pictures(drawings.draw(64, random))).mean);
  const at::Tensor by_channel = at::cat(means).transpose(0, 1).flatten(/*start_dim=*/1).to(at::kDouble);
  const at::Tensor mean = by_channel.mean(/*dim=*/1);
  const at::Tensor deviation = by_channel.std(/*dim=*/1, /*unbiased=*/false);

  const auto parameter = [&](const char* name) { return autoencoder.parameters.drawn().at(name).detach(); };
  const std::int64_t channels = mean.size(0);
  const at::Tensor into_weight = parameter("quant_conv.weight");
  const at::Tensor into_bias = parameter("quant_conv.bias");
  into_weight.narrow(0, 0, channels).div_(deviation.view({-1, 1, 1, 1}));
  into_bias.narrow(0, 0, channels).sub_(mean).div_(deviation);
  into_bias.narrow(0, channels, channels).sub_(2.0 * deviation.log());
  const at::Tensor out_of_weight = parameter("post_quant_conv.weight");
  const at::Tensor out_of_bias = parameter("post_quant_conv.bias");
  out_of_bias.add_(at::matmul(out_of_weight.flatten(1).to(at::kDouble), mean));
  out_of_weight.mul_(deviation.view({1, -1, 1, 1}));
}

}  // namespace

trained_autoencoder::trained_autoencoder(const autoencoder_recipe& recipe)
    : parameters{recipe.run.seed},
      network{models::scope{parameters}, models::autoencoder_options::from_config(recipe.config)} {}

trained_autoencoder pretrain_autoencoder(const autoencoder_recipe& recipe, const drawing_set& drawings,
                                         const std::filesystem::path& checkpoint,
                                         const pretraining_report& report) {
  trained_autoencoder autoencoder{recipe};
  pretraining_run run{autoencoder.parameters.drawn(), recipe.run, checkpoint};
  const bool trains = !run.finished();
  const auto cropped_steps =
      static_cast<std::int64_t>(recipe.crop_share * static_cast<double>(recipe.run.steps()));
  while (!run.finished()) {
    auto [engine, generator] = run.random();
    at::Tensor pictures = drawings.augmented_pictures(drawings.draw(run.batch(), engine), 4, engine);
    if (run.step() < cropped_steps) pictures = draw_crops(pictures, recipe.crop, engine);
    const at::Tensor loss = loss_of(autoencoder.network, pictures.contiguous(at::MemoryFormat::ChannelsLast),
                                    generator, recipe.divergence_weight);
    run.update(loss);
    report.progress("autoencoder", run.step(), recipe.run.steps(), loss.item<double>());
  }
  run.adopt_result();
  standardize_latents(autoencoder, drawings);
  if (trains) {
    std::mt19937_64 random{2};
    report.note(
        fmt::format("autoencoder: PSNR {:.2f} dB on 256 drawings",
                    reconstruction_psnr(autoencoder.network, drawings.pictures(drawings.draw(256, random)))));
  }
  return autoencoder;
}

}  // namespace dvar::training
