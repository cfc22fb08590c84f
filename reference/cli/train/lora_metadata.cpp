#include "cli/train/lora_metadata.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/train/embedding_metadata.hpp"

namespace dvar::cli {
namespace {

/// Returns kohya's name of a family of models, told by its text encoders and the width of their states; empty for others.
std::string base_version_of(const diffusion::latent_diffusion& model) {
  if (model.second_tokenizer) return "sdxl_base_v1-0";
  const std::int64_t width = model.text_encoder.width();
  return width == 768 ? "sd_v1" : width == 1024 ? "sd_v2" : "";
}

}  // namespace

std::map<std::string, std::string> lora_metadata(const train_options& options,
                                                 const diffusion::latent_diffusion& model,
                                                 const run_summary& summary, std::int64_t step,
                                                 const std::string& chosen) {
  const training::lora_options& lora = options.inversion.lora;
  std::map<std::string, std::string> metadata =
      metadata_of(options, model, summary, all_tokens_of(summary), step, chosen);
  std::string& architecture = metadata["modelspec.architecture"];
  architecture = architecture.substr(0, architecture.rfind('/')) + "/lora";
  metadata["ss_network_module"] = "networks.lora";
  metadata["ss_network_dim"] = std::to_string(lora.rank);
  metadata["ss_network_alpha"] = fmt::format("{}", lora.alpha.value_or(static_cast<double>(lora.rank)));
  metadata["ss_unet_lr"] = fmt::format("{}", lora.learning_rate);
  if (lora.text_encoder)
    metadata["ss_text_encoder_lr"] = fmt::format("{}", lora.text_learning_rate.value_or(lora.learning_rate));
  if (lora.layers == training::lora_layers::full) {
    const std::int64_t rank = lora.conv_rank.value_or(lora.rank);
    const double alpha = lora.conv_alpha.value_or(static_cast<double>(rank));
    metadata["ss_network_args"] =
        nlohmann::json{{"conv_dim", std::to_string(rank)}, {"conv_alpha", fmt::format("{}", alpha)}}.dump();
  }
  metadata["ss_tag_frequency"] =
      nlohmann::json{{"pictures", {{summary.tokens(), summary.pictures()}}}}.dump();
  if (const std::string version = base_version_of(model); !version.empty())
    metadata["ss_base_model_version"] = version;
  return metadata;
}

}  // namespace dvar::cli
