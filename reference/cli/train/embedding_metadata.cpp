#include "cli/train/embedding_metadata.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/samples/sample_description.hpp"
#include "weights/messages.hpp"

namespace dvar::cli {
namespace {

/// Returns ModelSpec's name of a base model. Stable Diffusion 1 and 2 are told by the width of what their text encoders give.
std::string architecture_of(const diffusion::latent_diffusion& model, bool predicts_velocity) {
  if (model.second_tokenizer) return "stable-diffusion-xl-v1-base";
  const std::int64_t width = model.text_encoder.width();
  if (width == 768) return "stable-diffusion-v1";
  if (width == 1024) return predicts_velocity ? "stable-diffusion-v2-768-v" : "stable-diffusion-v2-512";
  return "latent-diffusion";
}

/// Returns the name of what takes the vectors' steps.
std::string optimizer_of(const train_options& options, const nlohmann::json& configuration) {
  const bool is_directional = options.inversion.token_updates.kind == training::token_update::directional;
  return is_directional && !learns_lora(options) && !learns_keys_and_values(options)
             ? "riemannian-sgd"
             : configuration.at("optimizer").get<std::string>();
}

}  // namespace

described_tokens all_tokens_of(const run_summary& summary) {
  return {summary.tokens(), summary.initials(), summary.pictures()};
}

std::map<std::string, std::string> metadata_of(const train_options& options,
                                               const diffusion::latent_diffusion& model,
                                               const run_summary& summary, const described_tokens& of,
                                               std::int64_t step, const std::string& chosen) {
  const auto configuration = nlohmann::json::parse(summary.configuration);
  const bool predicts_velocity =
      model.scheduler.get_or<std::string>("prediction_type", "epsilon") == "v_prediction";
  const std::int64_t size = configuration.at("size").get<std::int64_t>();
  std::map<std::string, std::string> metadata{
      {"format", "pt"},
      {"modelspec.sai_model_spec", "1.0.0"},
      {"modelspec.architecture", architecture_of(model, predicts_velocity) + "/textual-inversion"},
      {"modelspec.implementation", "diffusers"},
      {"modelspec.title", of.tokens},
      {"modelspec.trigger_phrase", of.tokens},
      {"modelspec.resolution", fmt::format("{0}x{0}", size)},
      {"modelspec.prediction_type", predicts_velocity ? "v" : "epsilon"},
      {"ss_sd_model_name", file_name_of(options.model)},
      {"ss_steps", std::to_string(step)},
      {"ss_seed", std::to_string(options.inversion.seed)},
      {"ss_learning_rate", configuration.at("learning_rate").dump()},
      {"ss_optimizer", optimizer_of(options, configuration)},
      {"ss_num_train_images", std::to_string(of.pictures)},
      {"dvar.version", DVAR_VERSION},
      {"dvar.base_model_content", configuration.at("model_content").at("content").get<std::string>()},
      {"dvar.initial", weights::valid_utf8(of.initials)},
      {"dvar.chosen", chosen}};
  if (const auto& stop = summary.result.stop)
    metadata.emplace("dvar.stopped", fmt::format("step {}: {}", summary.result.step, stop->reason));
  if (!options.author.empty()) metadata.emplace("modelspec.author", options.author);
  if (!options.license.empty()) metadata.emplace("modelspec.license", options.license);
  return metadata;
}

}  // namespace dvar::cli
