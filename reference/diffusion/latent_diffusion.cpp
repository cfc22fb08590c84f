#include "diffusion/latent_diffusion.hpp"

#include <cmath>

#include <fmt/format.h>

#include "error.hpp"
#include "models/open_networks.hpp"

namespace dvar::diffusion {
namespace {

models::text_encoder open_text_encoder(const weights::model_files& files, const models::placement& placement,
                                       models::surplus_names& surplus) {
  if (files.family == weights::model_family::ldm)
    return models::open_ldm_bert(files.text_encoder, placement, &surplus);
  return models::open_clip_text(files.text_encoder, placement, &surplus);
}

void check_agreement(const latent_diffusion& model, const std::filesystem::path& path) {
  const auto expect = [&](std::int64_t found, std::int64_t expected, const char* what) {
    if (found != expected)
      throw input_error(fmt::format("{}: {}: expected {}, found {}", path.string(), what, expected, found));
  };
  expect(model.tokenizer.vocabulary_size(), model.text_encoder.vocabulary_size(),
         "entries of the tokenizer, which the text encoder's vocab_size says");
  expect(model.unet.options().context_width, model.text_encoder.width(),
         "the UNet's cross_attention_dim, which is the text encoder's width");
  if (model.unet.options().in_channels == 2 * model.autoencoder.options().latent_channels + 1) {
    throw input_error(
        fmt::format("{}: expected a model of text to image, found one for inpainting (in_channels {})",
                    path.string(), model.unet.options().in_channels));
  }
  expect(model.unet.options().in_channels, model.autoencoder.options().latent_channels,
         "the UNet's in_channels, which the autoencoder's latent_channels says");
}

}  // namespace

latent_diffusion latent_diffusion::open(const weights::model_files& files,
                                        const models::placement& placement) {
  models::surplus_names surplus = files.surplus;
  latent_diffusion model{
      .tokenizer = text::tokenizer::from_directory(files.tokenizer),
      .text_encoder = open_text_encoder(files, placement, surplus),
      .unet = models::open_unet(files.unet, placement, &surplus),
      .autoencoder = models::open_autoencoder(files.autoencoder, placement, &surplus),
      .schedule = noise_schedule{noise_schedule_options::from_config(files.scheduler), placement.device},
      .scheduler = files.scheduler,
      .placement = placement,
      .surplus = std::move(surplus),
      .autoencoder_weights = std::make_shared<const weights::weight_map>(files.autoencoder.weights)};
  if (model.text_encoder.max_length() < 2) {
    throw input_error(
        fmt::format("{}: max_position_embeddings: expected at least 2, for the ends of a prompt, found {}",
                    files.text_encoder.config.location(), model.text_encoder.max_length()));
  }
  if (model.unet.options().sample_size < 1) files.unet.config.refuse_value("sample_size", "at least 1");
  const double scaling = model.autoencoder.options().scaling_factor;
  if (!std::isfinite(scaling) || scaling <= 0.0)
    files.autoencoder.config.refuse_value("scaling_factor", "a finite number above 0");
  model.tokenizer.limit_length(model.text_encoder.max_length());
  check_agreement(model, files.path);
  return model;
}

latent_diffusion latent_diffusion::open(const std::filesystem::path& directory,
                                        const models::placement& placement) {
  return open(weights::open_model_files(directory), placement);
}

latent_diffusion latent_diffusion::with(const models::low_rank_products& added) const {
  latent_diffusion result = *this;
  result.unet = unet.with(added);
  return result;
}

latent_diffusion latent_diffusion::with_keys_and_values(const models::layer_weights& weights) const {
  latent_diffusion result = *this;
  result.unet = unet.with_keys_and_values(weights);
  return result;
}

}  // namespace dvar::diffusion
