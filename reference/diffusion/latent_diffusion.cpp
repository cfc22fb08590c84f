#include "diffusion/latent_diffusion.hpp"

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::diffusion {
namespace {

using weights::component_files;

/// The network that `build` makes of the files' parameters. Adds the names of those that it did not ask for.
template <class Build>
auto open_network(const component_files& files, const models::placement& where,
                  std::vector<std::string>& surplus, Build build) {
  models::file_parameters parameters{files.weights, where};
  auto network = build(parameters);
  for (const std::string& name : parameters.unused()) {
    // Older files of CLIP have them among the weights.
    if (!name.ends_with("position_ids")) surplus.push_back(files.weights.stored_name(name));
  }
  return network;
}

models::text_encoder open_text_encoder(const weights::model_files& files, const models::placement& where,
                                       std::vector<std::string>& surplus) {
  const component_files& component = files.text_encoder;
  return open_network(component, where, surplus, [&](auto& parameters) -> models::text_encoder {
    if (files.family == weights::model_family::ldm) {
      auto options = models::ldm_bert_options::from_config(component.config);
      options.execution = where.execution;
      return models::ldm_bert{models::scope{parameters}, options};
    }
    const bool with_projection = parameters.offers("text_projection.weight");
    auto options = models::clip_text_options::from_config(component.config, with_projection);
    options.encoder.execution = where.execution;
    return models::clip_text{models::scope{parameters}, options};
  });
}

models::unet_2d_condition open_unet(const component_files& files, const models::placement& where,
                                    std::vector<std::string>& surplus) {
  return open_network(files, where, surplus, [&](auto& parameters) {
    auto options = models::unet_options::from_config(files.config);
    options.execution = where.execution;
    return models::unet_2d_condition{models::scope{parameters}, options};
  });
}

models::autoencoder_kl open_autoencoder(const component_files& files, const models::placement& where,
                                        std::vector<std::string>& surplus) {
  return open_network(files, where, surplus, [&](auto& parameters) {
    auto options = models::autoencoder_options::from_config(files.config);
    options.attention = where.execution.attention;
    return models::autoencoder_kl{models::scope{parameters}, options};
  });
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
