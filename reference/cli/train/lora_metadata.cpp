#include "cli/train/lora_metadata.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "weights/messages.hpp"

namespace dvar::cli {
namespace {

/// Returns the name that kohya's program has for a family of models, told by the width of its texts; empty for others.
std::string base_version_of(const diffusion::latent_diffusion& model) {
  switch (model.unet.options().context_width) {
    case 768:
      return "sd_v1";
    case 1024:
      return "sd_v2";
    default:
      return "";
  }
}

}  // namespace

std::map<std::string, std::string> lora_metadata(const train_options& options,
                                                 const diffusion::latent_diffusion& model,
                                                 const run_summary& summary, std::int64_t step) {
  const training::lora_options& lora = options.inversion.lora;
  const std::string token = weights::valid_utf8(options.token);
  const std::string base = weights::valid_utf8(std::filesystem::path{options.model}.filename().string());
  const std::int64_t pictures = summary.training_pictures.size(0);
  const std::string size = fmt::format("{0}x{0}", model.resolution());
  std::map<std::string, std::string> metadata{
      {"format", "pt"},
      {"ss_network_module", "networks.lora"},
      {"ss_network_dim", std::to_string(lora.rank)},
      {"ss_network_alpha", fmt::format("{}", lora.alpha.value_or(static_cast<double>(lora.rank)))},
      {"ss_sd_model_name", base},
      {"ss_steps", std::to_string(step)},
      {"ss_max_train_steps", std::to_string(options.run.stopping.step_limit)},
      {"ss_unet_lr", fmt::format("{}", lora.learning_rate)},
      {"ss_seed", std::to_string(options.inversion.seed)},
      {"ss_num_train_images", std::to_string(pictures)},
      {"ss_resolution", fmt::format("({0}, {0})", model.resolution())},
      {"ss_tag_frequency", nlohmann::json{{"pictures", {{token, pictures}}}}.dump()},
      {"modelspec.sai_model_spec", "1.0.0"},
      {"modelspec.title", token},
      {"modelspec.implementation", "dvar"},
      {"modelspec.resolution", size},
      {"modelspec.trigger_phrase", token},
      {"dvar.token", token},
      {"dvar.initial", weights::valid_utf8(summary.initial)},
      {"dvar.step", std::to_string(step)},
  };
  if (const std::string version = base_version_of(model); !version.empty()) {
    metadata["ss_base_model_version"] = version;
    metadata["modelspec.architecture"] =
        version == "sd_v1" ? "stable-diffusion-v1/lora" : "stable-diffusion-v2-512/lora";
  }
  if (const auto& stop = summary.result.stop) {
    metadata["dvar.stop_rule"] = stop->rule;
    metadata["dvar.stop_reason"] = stop->reason;
  }
  return metadata;
}

}  // namespace dvar::cli
