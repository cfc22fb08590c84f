#include "weights/single_file.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/autoencoder_file.hpp"
#include "weights/inferred_config.hpp"
#include "weights/known_surplus.hpp"
#include "weights/messages.hpp"
#include "weights/original_names.hpp"

namespace dvar::weights {
namespace {

namespace fs = std::filesystem;

enum class checkpoint_kind { version_1, version_2, xl };

constexpr const char* first_of_xl = "conditioner.embedders.0.transformer.";
constexpr const char* second_of_xl = "conditioner.embedders.1.model.";

bool has_below(const tensor_file& file, std::string_view prefix) {
  return std::ranges::any_of(file.names(), [&](const std::string& name) { return name.starts_with(prefix); });
}

/// Tells a checkpoint by its names. Throws `dvar::input_error` when it is of another model, or lacks a part.
checkpoint_kind kind_of(const tensor_file& file, bool needs_autoencoder) {
  const auto refuse_checkpoint = [&](std::string_view found) {
    throw input_error(fmt::format(
        "{}: expected a checkpoint of Stable Diffusion 1, 2 or XL, with tensors below model.diffusion_model, first_stage_model and cond_stage_model or conditioner.embedders, found {}",
        file.path().string(), found));
  };
  const bool is_xl = has_below(file, "conditioner.embedders.");
  if (has_below(file, "model.diffusion_model.joint_blocks."))
    refuse_checkpoint("one of Stable Diffusion 3 (joint_blocks)");
  if (has_below(file, "cond_stage_model.transformer.attn_layers.")) {
    refuse_checkpoint(
        "one of LDM text-to-image; its directory in diffusers' layout (CompVis/ldm-text2im-large-256) can be read");
  }
  if (is_xl && has_below(file, "conditioner.embedders.0.model."))
    refuse_checkpoint("a refiner of Stable Diffusion XL (conditioner.embedders.0.model)");
  std::vector<std::string_view> parts{"model.diffusion_model."};
  if (needs_autoencoder) parts.emplace_back("first_stage_model.");
  if (is_xl)
    parts.insert(parts.end(), {first_of_xl, second_of_xl});
  else
    parts.emplace_back("cond_stage_model.");
  for (const std::string_view prefix : parts) {
    if (has_below(file, prefix)) continue;
    const auto names = file.names();
    refuse_checkpoint(
        names.empty() ? "no tensors"
                      : fmt::format("no {}...; the first tensor is {}", prefix, in_quotes(names.front())));
  }
  if (is_xl) return checkpoint_kind::xl;
  return has_below(file, "cond_stage_model.model.") ? checkpoint_kind::version_2 : checkpoint_kind::version_1;
}

/// Finds the tokenizer of a single file, in a folder of this name.
fs::path find_tokenizer(const fs::path& file, const fs::path& configuration, const std::string& name) {
  const auto holds_tokenizer = [](const fs::path& place) {
    return fs::exists(place / "vocab.json") || fs::exists(place / "tokenizer.json");
  };
  if (configuration.empty()) {
    throw input_error(fmt::format(
        "{}: a checkpoint in one file has no tokenizer: expected a directory that has it (of the model's diffusers layout, without weights) with --config",
        file.string()));
  }
  if (holds_tokenizer(configuration / name)) return configuration / name;
  // The folder itself can be that of the one tokenizer.
  if (name == "tokenizer" && holds_tokenizer(configuration)) return configuration;
  throw input_error(fmt::format("{0}: expected {1}/vocab.json or {1}/tokenizer.json, found {2}",
                                configuration.string(), name,
                                fs::is_directory(configuration) ? "neither" : "no directory"));
}

/// Returns what a single file says that its network predicts, in diffusers' words: by the metadata of ModelSpec, or the empty tensor
/// by which trainers mark a network that predicts the velocity. There is no value where it says nothing.
std::optional<std::string> marked_prediction(const tensor_file& file) {
  if (file.contains("v_pred")) return "v_prediction";
  const auto marked = file.metadata().find("modelspec.prediction_type");
  if (marked == file.metadata().end()) return std::nullopt;
  if (marked->second == "epsilon") return "epsilon";
  if (marked->second == "v" || marked->second == "v_prediction") return "v_prediction";
  throw input_error(fmt::format("{}: modelspec.prediction_type: expected epsilon or v, found {}",
                                file.path().string(), in_quotes(marked->second)));
}

/// Holds a scheduler, and what of it was taken for granted.
struct found_scheduler {
  config_reader config;
  std::string assumed{};
};

/// Returns the scheduler of a single file: the given one, or the published one, for what the network predicts. Throws
/// `dvar::input_error` when the file, the given one and what is asked for do not say the same of that, or none of them says it of a
/// network of version 2.
found_scheduler scheduler_of(const tensor_file& file, checkpoint_kind kind, const fs::path& given,
                             const std::string& asked) {
  const std::string path = file.path().string();
  const std::optional<std::string> marked = marked_prediction(file);
  const bool no_signal_at_the_end = file.contains("ztsnr");
  if (marked && !asked.empty() && *marked != asked) {
    throw input_error(
        fmt::format("--prediction-type: expected {}, as {} is marked, found {}", *marked, path, asked));
  }
  if (fs::exists(given)) {
    config_reader scheduler{given};
    require_prediction(scheduler, marked.value_or(""), fmt::format("{} is marked", path));
    require_prediction(scheduler, asked, "--prediction-type");
    if (no_signal_at_the_end && !scheduler.get_or("rescale_betas_zero_snr", false))
      scheduler.refuse_value("rescale_betas_zero_snr", fmt::format("true, as {} is marked", path));
    return {std::move(scheduler)};
  }
  const bool is_told = marked || !asked.empty();
  if (!is_told && kind == checkpoint_kind::version_2) {
    throw input_error(fmt::format(
        "{}: networks of Stable Diffusion 2 predict the noise or the velocity, and nothing in the file says which: expected --prediction-type epsilon (as stable-diffusion-2-base) or v_prediction (as stable-diffusion-2-1)",
        path));
  }
  nlohmann::json published = (kind == checkpoint_kind::xl ? published_scheduler_config_of_xl(path)
                                                          : published_scheduler_config(path))
                                 .json();
  if (is_told) published["prediction_type"] = marked.value_or(asked);
  if (no_signal_at_the_end) {
    // PNDM divides by the signal of the last timestep.
    published["_class_name"] = "DDIMScheduler";
    published["rescale_betas_zero_snr"] = true;
    published["timestep_spacing"] = "trailing";
  }
  return {
      {std::move(published), path + ": the scheduler that it is marked for"},
      is_told
          ? ""
          : "nothing says what its network predicts: the noise, as the published ones; --prediction-type v_prediction says otherwise"};
}

}  // namespace

void require_prediction(const config_reader& scheduler, const std::string& prediction,
                        const std::string& by) {
  if (!prediction.empty() && scheduler.get_or<std::string>("prediction_type", "epsilon") != prediction)
    scheduler.refuse_value("prediction_type", fmt::format("{}, as {} says", prediction, by));
}

bool no_prompt_is_zero(const fs::path& directory) {
  const fs::path file = directory / "model_index.json";
  return !fs::exists(file) || config_reader{file}.get_or("force_zeros_for_empty_prompt", true);
}

model_files open_single_file(const model_source& source) {
  const auto& [path, configuration, autoencoder, prediction] = source;
  const tensor_file file{path};
  const checkpoint_kind kind = kind_of(file, autoencoder.empty());
  const bool is_xl = kind == checkpoint_kind::xl;
  const std::string location = path.string();
  std::set<std::string> used;
  const auto component = [&](const char* name, const renamed_tensors& tensors, auto infer) {
    for (const auto& [_, stored] : tensors)
      used.insert(stored.name);
    const fs::path given = configuration / name / "config.json";
    config_reader config =
        !configuration.empty() && fs::exists(given) ? config_reader{given} : infer(tensors, location);
    return component_files{path, std::move(config), weight_map{file, tensors}};
  };
  const auto infer_text = [](const char* activation) {
    return [activation](const renamed_tensors& tensors, const std::string& of) {
      return inferred_clip_text_config(tensors, activation, of);
    };
  };
  double scaling = is_xl ? published_scaling_factor_of_xl : published_scaling_factor;
  if (const fs::path given = configuration / "vae" / "config.json"; fs::exists(given))
    scaling = config_reader{given}.get_or("scaling_factor", published_scaling_factor);
  const auto infer_autoencoder = [scaling](const renamed_tensors& tensors, const std::string& of) {
    return inferred_autoencoder_config(tensors, scaling, of);
  };
  fs::path tokenizer = find_tokenizer(path, configuration, "tokenizer");
  const auto first_text = [&] {
    if (kind == checkpoint_kind::version_2)
      return component("text_encoder", open_clip_text_tensors(file, "cond_stage_model.model."),
                       infer_text("gelu"));
    return component("text_encoder",
                     clip_text_tensors(file, is_xl ? first_of_xl : "cond_stage_model.transformer."),
                     infer_text("quick_gelu"));
  };
  auto [scheduler, assumed] =
      scheduler_of(file, kind, configuration / "scheduler" / "scheduler_config.json", prediction);
  model_files files{.path = path,
                    .family = is_xl ? model_family::stable_diffusion_xl : model_family::stable_diffusion,
                    .text_encoder = first_text(),
                    .unet = component("unet", unet_tensors(file), inferred_unet_config),
                    .autoencoder = autoencoder.empty()
                                       ? component("vae", autoencoder_tensors(file), infer_autoencoder)
                                       : open_other_autoencoder(autoencoder, scaling),
                    .scheduler = std::move(scheduler),
                    .tokenizer = std::move(tokenizer),
                    .assumed = std::move(assumed)};
  if (is_xl) {
    files.second_text_encoder =
        component("text_encoder_2", open_clip_projecting_tensors(file, second_of_xl), infer_text("gelu"));
    files.second_tokenizer = find_tokenizer(path, configuration, "tokenizer_2");
    files.no_prompt_is_zero = no_prompt_is_zero(configuration);
  }
  for (const std::string& name : file.names()) {
    const bool is_replaced = !autoencoder.empty() && name.starts_with("first_stage_model.");
    if (!used.contains(name) && !is_replaced && !is_known_surplus(name)) files.surplus.push_back(name);
  }
  return files;
}

}  // namespace dvar::weights
