#include "weights/model_files.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/autoencoder_file.hpp"
#include "weights/inferred_config.hpp"
#include "weights/messages.hpp"
#include "weights/single_file.hpp"

namespace dvar::weights {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

model_files open_model_files(const fs::path& path, const fs::path& configuration) {
  return open_model_files(model_source{.path = path, .configuration = configuration});
}

model_files open_model_files(const model_source& source) {
  const auto& [path, configuration, autoencoder, prediction] = source;
  if (!fs::exists(path)) {
    throw input_error(fmt::format(
        "{}: expected a model directory or a checkpoint in one file, found nothing{}", path.string(),
        is_hub_name(path) ? fmt::format("; hf download {0} --local-dir {0} fetches a model of this name "
                                        "from the Hugging Face hub",
                                        path.string())
                          : ""));
  }
  if (!fs::is_directory(path)) return open_single_file(source);
  if (!configuration.empty()) {
    throw input_error(
        fmt::format("--config {}: expected a checkpoint in one file beside it, found the directory {}",
                    configuration.string(), path.string()));
  }
  const model_family family = family_of(path);
  config_reader scheduler{path / "scheduler" / "scheduler_config.json"};
  require_prediction(scheduler, prediction, "--prediction-type");
  const bool ldm = family == model_family::ldm;
  model_files files{.path = path,
                    .family = family,
                    .text_encoder = open_component(path / (ldm ? "bert" : "text_encoder")),
                    .unet = open_component(path / "unet"),
                    .autoencoder = open_component(path / (ldm ? "vqvae" : "vae")),
                    .scheduler = std::move(scheduler),
                    .tokenizer = path / "tokenizer"};
  if (family == model_family::stable_diffusion_xl) {
    files.second_text_encoder = open_component(path / "text_encoder_2");
    files.second_tokenizer = path / "tokenizer_2";
    files.no_prompt_is_zero = no_prompt_is_zero(path);
  }
  if (!autoencoder.empty()) {
    const auto scaling = files.autoencoder.config.get_or("scaling_factor", published_scaling_factor);
    files.autoencoder = open_other_autoencoder(autoencoder, scaling);
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
