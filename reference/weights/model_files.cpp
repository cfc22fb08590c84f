#include "weights/model_files.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/inferred_config.hpp"
#include "weights/known_surplus.hpp"
#include "weights/messages.hpp"
#include "weights/original_names.hpp"

namespace dvar::weights {
namespace {

namespace fs = std::filesystem;

bool has_below(const tensor_file& file, std::string_view prefix) {
  return std::ranges::any_of(file.names(), [&](const std::string& name) { return name.starts_with(prefix); });
}

/// Returns whether the text encoder is OpenCLIP's. Throws `dvar::input_error` when the checkpoint is of
/// another model.
bool is_open_clip(const tensor_file& file) {
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
    refuse_checkpoint(
        names.empty() ? "no tensors"
                      : fmt::format("no {}...; the first tensor is {}", prefix, in_quotes(names.front())));
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

/// Returns the scheduler of a single file: the given one, or the published one, for what the network predicts. Throws
/// `dvar::input_error` when the file and the given one do not say the same of that.
config_reader scheduler_of(const tensor_file& file, const fs::path& given) {
  const std::optional<std::string> marked = marked_prediction(file);
  const bool no_signal_at_the_end = file.contains("ztsnr");
  if (fs::exists(given)) {
    config_reader scheduler{given};
    if (marked && scheduler.get_or<std::string>("prediction_type", "epsilon") != *marked)
      scheduler.refuse_value("prediction_type",
                             fmt::format("{}, as {} is marked", *marked, file.path().string()));
    if (no_signal_at_the_end && !scheduler.get_or("rescale_betas_zero_snr", false))
      scheduler.refuse_value("rescale_betas_zero_snr",
                             fmt::format("true, as {} is marked", file.path().string()));
    return scheduler;
  }
  nlohmann::json published = published_scheduler_config(file.path().string()).json();
  if (marked) published["prediction_type"] = *marked;
  if (no_signal_at_the_end) {
    // PNDM divides by the signal of the last timestep.
    published["_class_name"] = "DDIMScheduler";
    published["rescale_betas_zero_snr"] = true;
    published["timestep_spacing"] = "trailing";
  }
  return {std::move(published), file.path().string() + ": the scheduler that it is marked for"};
}

model_files open_single_file(const fs::path& path, const fs::path& configuration) {
  const tensor_file file{path};
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
      .scheduler = scheduler_of(file, scheduler),
      .tokenizer = std::move(tokenizer)};
  for (const std::string& name : file.names())
    if (!used.contains(name) && !is_known_surplus(name)) files.surplus.push_back(name);
  return files;
}

/// Returns whether a path reads as the name of a model on the hub, `ORGANIZATION/MODEL`.
bool is_hub_name(const fs::path& path) {
  return path.is_relative() && std::distance(path.begin(), path.end()) == 2 &&
         path.begin()->string() != "." && path.begin()->string() != ".." && !path.has_extension();
}

/// Returns the family of a model directory. Throws `dvar::input_error` when it is one that the trainer does not have.
model_family family_of(const fs::path& directory) {
  const fs::path file = directory / "model_index.json";
  const std::optional<config_reader> index =
      fs::exists(file) ? std::optional{config_reader{file}} : std::nullopt;
  const auto has = [&](const char* component) { return fs::exists(directory / component); };
  const std::string name = index ? index->get_or<std::string>("_class_name", "") : "";
  const auto refuse = [&](std::string_view found) {
    throw input_error(
        fmt::format("{}: expected a model of Stable Diffusion 1.x, 2.x or XL, or LDM text-to-image, found {}",
                    directory.string(), found));
  };
  if (has("text_encoder_2") && !has("text_encoder"))
    refuse("a refiner of Stable Diffusion XL: text_encoder_2 without text_encoder");
  const bool is_other = has("transformer") || has("text_encoder_3") ||
                        (has("text_encoder_2") && !name.empty() && !name.starts_with("StableDiffusionXL"));
  if (is_other) refuse(fmt::format("one of another family ({})", in_quotes(name.empty() ? "another" : name)));
  if (has("text_encoder_2")) return model_family::stable_diffusion_xl;
  return has("bert") || (index && index->contains("bert")) ? model_family::ldm
                                                           : model_family::stable_diffusion;
}

/// Returns what `model_index.json` says of guidance without a prompt; what diffusers takes where it says nothing.
bool no_prompt_is_zero(const fs::path& directory) {
  const fs::path file = directory / "model_index.json";
  return !fs::exists(file) || config_reader{file}.get_or("force_zeros_for_empty_prompt", true);
}

}  // namespace

model_files open_model_files(const fs::path& path, const fs::path& configuration, std::string_view variant) {
  if (!fs::exists(path)) {
    throw input_error(fmt::format(
        "{}: expected a model directory or a checkpoint in one file, found nothing{}", path.string(),
        is_hub_name(path) ? fmt::format("; hf download {0} --local-dir {0} fetches a model of this name "
                                        "from the Hugging Face hub",
                                        path.string())
                          : ""));
  }
  if (!fs::is_directory(path)) return open_single_file(path, configuration);
  if (!configuration.empty()) {
    throw input_error(
        fmt::format("--config {}: expected a checkpoint in one file beside it, found the directory {}",
                    configuration.string(), path.string()));
  }
  const model_family family = family_of(path);
  config_reader scheduler{path / "scheduler" / "scheduler_config.json"};
  const bool ldm = family == model_family::ldm;
  model_files files{.path = path,
                    .family = family,
                    .text_encoder = open_component(path / (ldm ? "bert" : "text_encoder"), variant),
                    .unet = open_component(path / "unet", variant),
                    .autoencoder = open_component(path / (ldm ? "vqvae" : "vae"), variant),
                    .scheduler = std::move(scheduler),
                    .tokenizer = path / "tokenizer"};
  if (family == model_family::stable_diffusion_xl) {
    files.second_text_encoder = open_component(path / "text_encoder_2", variant);
    files.second_tokenizer = path / "tokenizer_2";
    files.no_prompt_is_zero = no_prompt_is_zero(path);
  }
  return files;
}

std::string content_of(const model_files& files, hashed_part part) {
  std::vector<fs::path> all;
  content_hash hash;
  std::vector<const component_files*> components{&files.text_encoder, &files.unet, &files.autoencoder};
  if (files.second_text_encoder) components.push_back(&*files.second_text_encoder);
  for (const component_files* component : components) {
    for (const fs::path& file : component->weights.files())
      if (std::ranges::find(all, file) == all.end()) all.push_back(file);
    hash.add(component->config.json().dump());
  }
  hash.add(files.scheduler.json().dump());
  for (const fs::path& tokenizer : {files.tokenizer, files.second_tokenizer}) {
    if (tokenizer.empty()) continue;
    std::vector<fs::path> words;
    for (const fs::directory_entry& entry : fs::directory_iterator{tokenizer}) {
      const bool is_read = entry.path().extension() == ".json" || entry.path().extension() == ".txt";
      if (entry.is_regular_file() && is_read) words.push_back(entry.path());
    }
    std::ranges::sort(words);
    all.insert(all.end(), words.begin(), words.end());
  }
  hash.add(hash_of_files(all, part));
  return hash.text();
}

}  // namespace dvar::weights
