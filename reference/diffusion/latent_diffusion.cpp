#include "diffusion/latent_diffusion.hpp"

#include <cmath>

#include <fmt/format.h>

#include "error.hpp"
#include "models/open_networks.hpp"

namespace dvar::diffusion {
namespace {

/// Throws `dvar::input_error`, which names the path, when two numbers are not the same that should be.
void expect(const std::filesystem::path& path, std::int64_t found, std::int64_t expected, const char* what) {
  if (found != expected)
    throw input_error(fmt::format("{}: {}: expected {}, found {}", path.string(), what, expected, found));
}

models::clip_pair open_clip_pair(const weights::model_files& files, std::int64_t end_id,
                                 const models::placement& placement, models::surplus_names& surplus) {
  models::clip_text first = models::open_clip_text(files.text_encoder, placement, &surplus);
  models::clip_text second =
      models::open_projecting_clip_text(*files.second_text_encoder, placement, &surplus);
  const std::filesystem::path& of_second = files.second_text_encoder->directory;
  expect(of_second, second.options().vocabulary_size, first.options().vocabulary_size,
         "vocab_size, which both text encoders share");
  expect(of_second, second.options().max_length, first.options().max_length,
         "max_position_embeddings, which both text encoders share");
  return {std::move(first), std::move(second), end_id};
}

models::text_encoder open_text_encoder(const weights::model_files& files,
                                       const std::optional<text::tokenizer>& second_tokenizer,
                                       const models::placement& placement, models::surplus_names& surplus) {
  if (files.family == weights::model_family::ldm)
    return models::open_ldm_bert(files.text_encoder, placement, &surplus);
  if (second_tokenizer) return open_clip_pair(files, second_tokenizer->last_id(), placement, surplus);
  return models::open_clip_text(files.text_encoder, placement, &surplus);
}

/// Returns where the autoencoder is placed. That of Stable Diffusion XL overflows in fp16, and its configuration says so.
models::placement autoencoder_placement_of(const weights::model_files& files, models::placement placement) {
  const bool overflows = files.family == weights::model_family::stable_diffusion_xl &&
                         files.autoencoder.config.get_or("force_upcast", true);
  if (overflows && placement.dtype == at::kHalf) placement.dtype = at::kFloat;
  return placement;
}

void check_agreement(const latent_diffusion& model, const std::filesystem::path& path) {
  expect(path, model.tokenizer.vocabulary_size(), model.text_encoder.vocabulary_size(),
         "entries of the tokenizer, which the text encoder's vocab_size says");
  if (model.second_tokenizer) {
    expect(path, model.second_tokenizer->vocabulary_size(), model.text_encoder.vocabulary_size(),
           "entries of the second tokenizer, which the text encoder's vocab_size says");
    expect(path, model.second_tokenizer->max_length(), model.tokenizer.max_length(),
           "ids of the second tokenizer's prompts, which are as many as the first's");
  }
  expect(
      path, model.unet.options().pooled_width, model.text_encoder.pooled_width(),
      "the width of whole texts that the UNet takes (projection_class_embeddings_input_dim without six times addition_time_embed_dim), which is the second text encoder's projection_dim");
  expect(path, model.unet.options().context_width, model.text_encoder.width(),
         "the UNet's cross_attention_dim, which is the text encoder's width");
  if (model.unet.options().in_channels == 2 * model.autoencoder.options().latent_channels + 1) {
    throw input_error(
        fmt::format("{}: expected a model of text to image, found one for inpainting (in_channels {})",
                    path.string(), model.unet.options().in_channels));
  }
  expect(path, model.unet.options().in_channels, model.autoencoder.options().latent_channels,
         "the UNet's in_channels, which the autoencoder's latent_channels says");
}

}  // namespace

latent_diffusion latent_diffusion::open(const weights::model_files& files,
                                        const models::placement& placement) {
  models::surplus_names surplus = files.surplus;
  const models::placement of_autoencoder = autoencoder_placement_of(files, placement);
  std::optional<text::tokenizer> second_tokenizer;
  if (files.second_text_encoder)
    second_tokenizer.emplace(text::tokenizer::from_directory(files.second_tokenizer));
  latent_diffusion model{
      .tokenizer = text::tokenizer::from_directory(files.tokenizer),
      .second_tokenizer = second_tokenizer,
      .text_encoder = open_text_encoder(files, second_tokenizer, placement, surplus),
      .unet = models::open_unet(files.unet, placement, &surplus),
      .autoencoder = models::open_autoencoder(files.autoencoder, of_autoencoder, &surplus),
      .schedule = noise_schedule{noise_schedule_options::from_config(files.scheduler), placement.device},
      .scheduler = files.scheduler,
      .placement = placement,
      .autoencoder_placement = of_autoencoder,
      .no_prompt_is_zero = files.no_prompt_is_zero,
      .surplus = std::move(surplus),
      .autoencoder_weights = std::make_shared<const weights::weight_map>(files.autoencoder.weights)};
  model.text_encoder_weights.push_back(
      std::make_shared<const weights::weight_map>(files.text_encoder.weights));
  if (files.second_text_encoder) {
    model.text_encoder_weights.push_back(
        std::make_shared<const weights::weight_map>(files.second_text_encoder->weights));
  }
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
  if (model.second_tokenizer) model.second_tokenizer->limit_length(model.text_encoder.max_length());
  check_agreement(model, files.path);
  return model;
}

latent_diffusion latent_diffusion::open(const std::filesystem::path& directory,
                                        const models::placement& placement) {
  return open(weights::open_model_files(directory), placement);
}

std::vector<models::added_products> latent_diffusion::layers_to_add_to() const {
  std::vector<models::added_products> layers = unet.layers_to_add_to();
  const std::vector<models::added_products> of_text = text_encoder.layers_to_add_to();
  layers.insert(layers.end(), of_text.begin(), of_text.end());
  return layers;
}

latent_diffusion latent_diffusion::with(const models::low_rank_products& added) const {
  models::low_rank_products of_text;
  models::low_rank_products of_unet;
  for (const auto& [layer, products] : added)
    (layer.starts_with(models::text_encoder::name) ? of_text : of_unet)[layer] = products;
  latent_diffusion result = *this;
  result.unet = unet.with(of_unet);
  result.text_encoder = text_encoder.with(of_text);
  return result;
}

latent_diffusion latent_diffusion::with_keys_and_values(const models::layer_weights& weights) const {
  latent_diffusion result = *this;
  result.unet = unet.with_keys_and_values(weights);
  return result;
}

at::Tensor latent_diffusion::own_sizes() const {
  const std::int64_t edge = resolution();
  return placement.sent(
      torch::tensor({edge, edge, std::int64_t{0}, std::int64_t{0}, edge, edge}).unsqueeze(0));
}

}  // namespace dvar::diffusion
