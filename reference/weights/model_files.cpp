#include "weights/model_files.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/inferred_config.hpp"
#include "weights/known_surplus.hpp"
#include "weights/messages.hpp"
#include "weights/original_names.hpp"
#include "weights/pickle.hpp"

namespace dvar::weights {
namespace {

namespace fs = std::filesystem;

bool has_below(const safetensors_file& file, std::string_view prefix) {
  return std::ranges::any_of(file.names(), [&](const std::string& name) { return name.starts_with(prefix); });
}

/// Returns whether the text encoder is OpenCLIP's. Throws `dvar::input_error` when the checkpoint is of
/// another model.
bool is_open_clip(const safetensors_file& file) {
  const auto refuse_checkpoint = [&](std::string_view found) {
    throw input_error(fmt::format(
        "{}: expected a checkpoint of Stable Diffusion 1 or 2, with tensors below model.diffusion_model, first_stage_model and cond_stage_model, found {}",
        file.path().string(), found));
  };
  if (has_below(file, "conditioner.embedders."))
    refuse_checkpoint("one of Stable Diffusion XL (conditioner.embedders)");
  if (has_below(file, "model.diffusion_model.joint_blocks."))
    refuse_checkpoint("one of Stable Diffusion 3 (joint_blocks)");
  if (has_below(file, "cond_stage_model.transformer.attn_layers.")) {
    refuse_checkpoint(
        "one of LDM text-to-image; its directory in diffusers' layout (CompVis/ldm-text2im-large-256) can be read");
  }
  for (const std::string_view prefix :
       {"model.diffusion_model.", "first_stage_model.", "cond_stage_model."}) {
    if (has_below(file, prefix)) continue;
    const auto names = file.names();
    refuse_checkpoint(names.empty()
                          ? "no tensors"
                          : fmt::format("no {}…; the first tensor is {}", prefix, in_quotes(names.front())));
  }
  return has_below(file, "cond_stage_model.model.");
}

/// Finds the tokenizer of a single file.
fs::path find_tokenizer(const fs::path& file, const fs::path& configuration) {
  const auto holds_tokenizer = [](const fs::path& place) {
    return fs::exists(place / "vocab.json") || fs::exists(place / "tokenizer.json");
  };
  if (configuration.empty()) {
    throw input_error(fmt::format(
        "{}: a checkpoint in one file has no tokenizer: expected a directory that has it (of the model's diffusers layout, without weights) with --config",
        file.string()));
  }
  for (const fs::path& place : {configuration / "tokenizer", configuration})
    if (holds_tokenizer(place)) return place;
  throw input_error(fmt::format("{}: expected tokenizer/vocab.json or tokenizer/tokenizer.json, found {}",
                                configuration.string(),
                                fs::is_directory(configuration) ? "neither" : "no directory"));
}

model_files open_single_file(const fs::path& path, const fs::path& configuration) {
  refuse_pickle(path);
  const safetensors_file file{path};
  const bool open_clip = is_open_clip(file);
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
  const auto infer_text = [&](const renamed_tensors& tensors, const std::string& source) {
    return inferred_clip_text_config(tensors, open_clip ? "gelu" : "quick_gelu", source);
  };
  const fs::path scheduler = configuration / "scheduler" / "scheduler_config.json";
  fs::path tokenizer = find_tokenizer(path, configuration);
  model_files files{
      .path = path,
      .text_encoder = component(
          "text_encoder", open_clip ? open_clip_text_tensors(file) : clip_text_tensors(file), infer_text),
      .unet = component("unet", unet_tensors(file), inferred_unet_config),
      .autoencoder = component("vae", autoencoder_tensors(file), inferred_autoencoder_config),
      .scheduler = fs::exists(scheduler) ? config_reader{scheduler} : published_scheduler_config(location),
      .tokenizer = std::move(tokenizer)};
  for (const std::string& name : file.names())
    if (!used.contains(name) && !is_known_surplus(name)) files.surplus.push_back(name);
  return files;
}

bool is_ldm(const fs::path& directory) {
  const fs::path index = directory / "model_index.json";
  return fs::exists(directory / "bert") || (fs::exists(index) && config_reader{index}.contains("bert"));
}

}  // namespace

model_files open_model_files(const fs::path& path, const fs::path& configuration, std::string_view variant) {
  if (!fs::exists(path)) {
    throw input_error(
        fmt::format("{}: expected a model directory or a safetensors file, found nothing", path.string()));
  }
  if (!fs::is_directory(path)) return open_single_file(path, configuration);
  if (!configuration.empty()) {
    throw input_error(
        fmt::format("--config {}: expected a checkpoint in one file beside it, found the directory {}",
                    configuration.string(), path.string()));
  }
  config_reader scheduler{path / "scheduler" / "scheduler_config.json"};
  const bool ldm = is_ldm(path);
  return {.path = path,
          .family = ldm ? model_family::ldm : model_family::stable_diffusion,
          .text_encoder = open_component(path / (ldm ? "bert" : "text_encoder"), variant),
          .unet = open_component(path / "unet", variant),
          .autoencoder = open_component(path / (ldm ? "vqvae" : "vae"), variant),
          .scheduler = std::move(scheduler),
          .tokenizer = path / "tokenizer"};
}

}  // namespace dvar::weights
