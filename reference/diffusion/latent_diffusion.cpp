#include "diffusion/latent_diffusion.hpp"

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::diffusion {
namespace {

using weights::component_files;

models::ldm_bert open_ldm_bert(const std::filesystem::path& directory, const models::placement& where) {
  const component_files files = weights::open_component(directory);
  models::file_parameters parameters{files.weights, where};
  auto options = models::ldm_bert_options::from_config(files.config);
  options.execution = where.execution;
  return {models::scope{parameters}, options};
}

models::clip_text open_clip_text(const std::filesystem::path& directory, const models::placement& where) {
  const component_files files = weights::open_component(directory);
  models::file_parameters parameters{files.weights, where};
  const bool with_projection = parameters.offers("text_projection.weight");
  auto options = models::clip_text_options::from_config(files.config, with_projection);
  options.encoder.execution = where.execution;
  return {models::scope{parameters}, options};
}

models::unet_2d_condition open_unet(const std::filesystem::path& directory, const models::placement& where) {
  const component_files files = weights::open_component(directory);
  models::file_parameters parameters{files.weights, where};
  auto options = models::unet_options::from_config(files.config);
  options.execution = where.execution;
  return {models::scope{parameters}, options};
}

models::autoencoder_kl open_autoencoder(const std::filesystem::path& directory,
                                        const models::placement& where) {
  const component_files files = weights::open_component(directory);
  models::file_parameters parameters{files.weights, where};
  auto options = models::autoencoder_options::from_config(files.config);
  options.attention = where.execution.attention;
  return {models::scope{parameters}, options};
}

bool is_ldm(const std::filesystem::path& directory) {
  const std::filesystem::path index = directory / "model_index.json";
  return std::filesystem::exists(directory / "bert") ||
         (std::filesystem::exists(index) && weights::config_reader{index}.contains("bert"));
}

models::text_encoder open_text_encoder(const std::filesystem::path& directory,
                                       const models::placement& where) {
  if (is_ldm(directory)) return open_ldm_bert(directory / "bert", where);
  return open_clip_text(directory / "text_encoder", where);
}

void check_agreement(const latent_diffusion& model, const std::filesystem::path& directory) {
  const auto expect = [&](std::int64_t found, std::int64_t expected, const char* what) {
    if (found != expected) {
      throw input_error(
          fmt::format("{}: {}: expected {}, found {}", directory.string(), what, expected, found));
    }
  };
  expect(model.tokenizer.vocabulary_size(), model.text_encoder.vocabulary_size(),
         "entries of the tokenizer, which the text encoder's vocab_size says");
  expect(model.unet.options().context_width, model.text_encoder.width(),
         "the UNet's cross_attention_dim, which is the text encoder's width");
  expect(model.unet.options().in_channels, model.autoencoder.options().latent_channels,
         "the UNet's in_channels, which the autoencoder's latent_channels says");
}

}  // namespace

latent_diffusion latent_diffusion::open(const std::filesystem::path& directory,
                                        const models::placement& where) {
  if (!std::filesystem::is_directory(directory)) {
    throw input_error(fmt::format("{}: expected a model directory, found {}", directory.string(),
                                  std::filesystem::exists(directory) ? "a file" : "nothing"));
  }
  const weights::config_reader scheduler{directory / "scheduler" / "scheduler_config.json"};
  latent_diffusion model{
      .tokenizer = text::tokenizer::from_directory(directory / "tokenizer"),
      .text_encoder = open_text_encoder(directory, where),
      .unet = open_unet(directory / "unet", where),
      .autoencoder = open_autoencoder(directory / (is_ldm(directory) ? "vqvae" : "vae"), where),
      .schedule = noise_schedule{noise_schedule_options::from_config(scheduler)},
      .scheduler = scheduler,
      .where = where};
  model.tokenizer.limit_length(model.text_encoder.max_length());
  check_agreement(model, directory);
  return model;
}

}  // namespace dvar::diffusion
