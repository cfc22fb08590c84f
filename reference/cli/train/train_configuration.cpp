#include "cli/train/train_configuration.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "cli/model_choice.hpp"
#include "cli/options/recorded_options.hpp"
#include "evaluation/word_score_cache.hpp"
#include "weights/model_files.hpp"

namespace dvar::cli {
namespace {

using nlohmann::json;

/// Names what decides the run beside the options.
constexpr std::array facts{
    recorded_fact{"adamw", "the rest of AdamW"},
    recorded_fact{"asam", "the rest of ASAM"},
    recorded_fact{"clip_content", "the content of --clip"},
    recorded_fact{"identity_content", "the content of --identity"},
    recorded_fact{"initial", "the word that the token begins as"},
    recorded_fact{"initial_content", "the vectors that the token begins as"},
    recorded_fact{"model_content", "the content of --model"},
    recorded_fact{"ranks", "the number of ranks"},
    recorded_fact{"size", "the size of the pictures"},
    recorded_fact{"torch", "LibTorch's version"},
};

/// Returns the captions themselves, by picture.
json captions_json(const data::concept_dataset& pictures) {
  json all = json::array();
  for (std::int64_t picture = 0; picture < pictures.size(); ++picture) {
    const data::caption_range range = pictures.captions_of(picture);
    const auto first = pictures.captions().begin() + range.first;
    all.push_back(std::vector<std::string>(first, first + range.count));
  }
  return all;
}

json images_json(const data::concept_dataset& pictures) {
  std::vector<std::string> names;
  for (const std::filesystem::path& path : pictures.paths())
    names.push_back(path.filename().string());
  return {{"names", names}, {"content", evaluation::hash_of_pictures(pictures.images())}};
}

/// Returns a hash as it is recorded: nothing that could be said to people.
json content_json(const std::string& hash) {
  return {{"content", hash}};
}

/// Returns the hash of all weights and configurations of an encoder.
std::string content_of_folder(const std::filesystem::path& folder, weights::hashed_part part) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
    constexpr std::array<std::string_view, 4> endings{".safetensors", ".bin", ".json", ".txt"};
    const std::string ending = entry.path().extension().string();
    if (entry.is_regular_file() && std::ranges::find(endings, ending) != endings.end())
      files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return weights::hash_of_files(files, part);
}

}  // namespace

std::string configuration_of(const train_options& options, const data::concept_dataset& pictures,
                             const initial_embedding& initial, const at::Tensor& class_pictures,
                             const at::Tensor& held_out) {
  train_options copy = options;
  json record = recorded_options(rows_of(copy));
  // Folders are told by name, and recorded by what is in them.
  record["images"] = images_json(pictures);
  if (!pictures.captions().empty()) record["captions"] = captions_json(pictures);
  if (pictures.masks().defined())
    record["masks"] = {{"content", evaluation::hash_of_pictures(pictures.masks())}};
  if (class_pictures.defined())
    record["class_pictures"] = {{"content", evaluation::hash_of_pictures(class_pictures)}};
  if (held_out.defined() && options.run.held_out_every > 0)
    record["held_out"] = {{"content", evaluation::hash_of_pictures(held_out)}};
  record["vectors"] = initial.vectors.size(0);
  // Of several ranks, each has a device of its own.
  const at::Device device = device_of(options.compute);
  record["device"] =
      options.ranks == 1 ? device.str() : at::DeviceTypeName(device.type(), /*lower_case=*/true);

  const weights::hashed_part part =
      options.strict ? weights::hashed_part::whole : weights::hashed_part::samples;
  const std::filesystem::path model = model_directory(options.model);
  record["model_content"] =
      content_json(weights::content_of(weights::open_model_files(model, options.config), part));
  if (options.run.stopping.score_every > 0) {
    record["clip_content"] =
        content_json(content_of_folder(options.clip.empty() ? model : options.clip, part));
    if (!options.identity.empty())
      record["identity_content"] = content_json(content_of_folder(options.identity, part));
  }
  record["initial"] = initial.words;
  record["initial_content"] = content_json(evaluation::hash_of_pictures(initial.vectors));
  record["size"] = pictures.options().size;
  record["ranks"] = options.ranks;
  record["torch"] = TORCH_VERSION;
  if (const auto* adamw = std::get_if<training::adamw_options>(&options.inversion.optimizer))
    record["adamw"] = {{"betas", {adamw->beta_first, adamw->beta_second}}, {"epsilon", adamw->epsilon}};
  if (const auto& sharpness = options.inversion.sharpness; sharpness && sharpness->adaptive)
    record["asam"] = {{"floor", sharpness->floor}};
  return record.dump(2, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

std::vector<std::string> differences(const std::string& saved, const std::string& now,
                                     const std::filesystem::path& output) {
  train_options any;
  return differences(json::parse(saved), json::parse(now), rows_of(any), facts, output);
}

}  // namespace dvar::cli
