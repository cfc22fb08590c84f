#include "diffusion/latent_diffusion.hpp"

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::diffusion {
namespace {

using weights::component_files;

/// Adds the names that the network did not ask for.
void note_unused(const models::file_parameters& parameters, const component_files& files,
                 std::vector<std::string>& surplus) {
  for (const std::string& name : parameters.unused()) {
    // Older files of CLIP have them among the weights.
    if (!name.ends_with("position_ids")) surplus.push_back(files.weights.stored_name(name));
  }
}

models::ldm_bert open_ldm_bert(const component_files& files, const models::placement& where,
                               std::vector<std::string>& surplus) {
  models::file_parameters parameters{files.weights, where};
  auto options = models::ldm_bert_options::from_config(files.config);
  options.execution = where.execution;
  models::ldm_bert network{models::scope{parameters}, options};
  note_unused(parameters, files, surplus);
  return network;
}

models::clip_text open_clip_text(const component_files& files, const models::placement& where,
                                 std::vector<std::string>& surplus) {
  models::file_parameters parameters{files.weights, where};
  const bool with_projection = parameters.offers("text_projection.weight");
  auto options = models::clip_text_options::from_config(files.config, with_projection);
  options.encoder.execution = where.execution;
  models::clip_text network{models::scope{parameters}, options};
  note_unused(parameters, files, surplus);
  return network;
}

models::text_encoder open_text_encoder(const weights::model_files& files, const models::placement& where,
                                       std::vector<std::string>& surplus) {
  if (files.family == weights::model_family::ldm) return open_ldm_bert(files.text_encoder, where, surplus);
  return open_clip_text(files.text_encoder, where, surplus);
}

models::unet_2d_condition open_unet(const component_files& files, const models::placement& where,
                                    std::vector<std::string>& surplus) {
  models::file_parameters parameters{files.weights, where};
  auto options = models::unet_options::from_config(files.config);
  options.execution = where.execution;
  models::unet_2d_condition network{models::scope{parameters}, options};
  note_unused(parameters, files, surplus);
  return network;
}

models::autoencoder_kl open_autoencoder(const component_files& files, const models::placement& where,
                                        std::vector<std::string>& surplus) {
  models::file_parameters parameters{files.weights, where};
  auto options = models::autoencoder_options::from_config(files.config);
  options.attention = where.execution.attention;
  models::autoencoder_kl network{models::scope{parameters}, options};
  note_unused(parameters, files, surplus);
  return network;
}

void check_agreement(const latent_diffusion& model, const std::filesystem::path& path) {
  const auto expect = [&](std::int64_t found, std::int64_t expected, const char* what) {
    if (found != expected) {
      throw input_error(fmt::format("{}: {}: expected {}, found {}", path.string(), what, expected, found));
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

latent_diffusion latent_diffusion::open(const weights::model_files& files, const models::placement& where) {
  std::vector<std::string> surplus = files.surplus;
  latent_diffusion model{.tokenizer = text::tokenizer::from_directory(files.tokenizer),
                         .text_encoder = open_text_encoder(files, where, surplus),
                         .unet = open_unet(files.unet, where, surplus),
                         .autoencoder = open_autoencoder(files.autoencoder, where, surplus),
                         .schedule = noise_schedule{noise_schedule_options::from_config(files.scheduler)},
                         .scheduler = files.scheduler,
                         .where = where,
                         .surplus = std::move(surplus)};
  model.tokenizer.limit_length(model.text_encoder.max_length());
  check_agreement(model, files.path);
  return model;
}

latent_diffusion latent_diffusion::open(const std::filesystem::path& directory,
                                        const models::placement& where) {
  return open(weights::open_model_files(directory), where);
}

}  // namespace dvar::diffusion
