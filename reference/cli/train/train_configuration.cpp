#include "cli/train/train_configuration.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model_choice.hpp"
#include "cli/options/recorded_options.hpp"
#include "evaluation/word_score_cache.hpp"
#include "weights/messages.hpp"
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

/// Returns a hash of each of the pictures, or of their masks.
std::vector<std::string> hashes_of(const std::vector<at::Tensor>& pictures) {
  std::vector<std::string> hashes;
  for (const at::Tensor& each : pictures)
    hashes.push_back(evaluation::hash_of_pictures(each));
  return hashes;
}

/// Returns the pictures that decide the run, or their masks: whole ones where squares are cut out of them, else those that are kept.
std::vector<at::Tensor> deciding(const data::concept_dataset& pictures, bool masks) {
  if (const data::random_crops* const crops = pictures.crops())
    return masks ? crops->masks() : crops->wholes();
  std::vector<at::Tensor> all(static_cast<std::size_t>(pictures.size()));
  for (const data::bucket& each : pictures.buckets()) {
    const std::vector<at::Tensor> of_bucket = (masks ? each.masks : each.images).unbind();
    for (std::size_t i = 0; i < of_bucket.size(); ++i)
      all[static_cast<std::size_t>(each.pictures[i])] = of_bucket[i];
  }
  return all;
}

json images_json(const data::concept_dataset& pictures) {
  std::vector<std::string> names;
  for (const std::filesystem::path& path : pictures.paths())
    names.push_back(path.filename().string());
  return {{"names", names}, {"content", hashes_of(deciding(pictures, /*masks=*/false))}};
}

/// Holds a value of each picture, by its name.
using by_picture = std::map<std::string, json>;

/// Returns what a configuration has of each picture, or nothing if it has it of none.
std::optional<by_picture> by_picture_in(const json& configuration, const char* key) {
  const json names = configuration.value("/images/names"_json_pointer, json{});
  json values = configuration.value(key, json{});
  if (values.is_object()) values = values.value("content", json{});
  if (!names.is_array() || !values.is_array() || names.size() != values.size()) return std::nullopt;
  by_picture all;
  for (std::size_t i = 0; i < names.size(); ++i)
    all[names[i].get<std::string>()] = values[i];
  return all;
}

/// Lists what became of pictures: `"a.png" has changed, "b.png" is missing`.
class changed_pictures {
 public:
  void add(const std::string& name, const char* what) {
    if (++count_ <= most_named)
      text_.append(text_.empty() ? "" : ", ").append(weights::in_quotes(name)).append(" ").append(what);
  }
  bool empty() const { return count_ == 0; }
  std::string text() const {
    return count_ <= most_named ? text_ : fmt::format("{} and so on, {} in all", text_, count_);
  }

 private:
  static constexpr std::size_t most_named = 6;
  std::string text_;
  std::size_t count_ = 0;
};

/// Compares two configurations by picture. Returns a
/// sentence, or nothing where all is the same. A cut or a size that differs is told elsewhere, and changes every picture.
std::string difference_by_picture(const json& saved, const json& now, const char* key, const char* what,
                                  const std::filesystem::path& output) {
  const std::optional<by_picture> before = by_picture_in(saved, key);
  const std::optional<by_picture> after = by_picture_in(now, key);
  if (!before || !after) return {};
  const bool same_form = saved.value("size", json{}) == now.value("size", json{}) &&
                         saved.value("center_crop", json{}) == now.value("center_crop", json{}) &&
                         saved.value("random_crop", json{}) == now.value("random_crop", json{}) &&
                         saved.value("buckets", json{}) == now.value("buckets", json{}) &&
                         saved.value("bucket_size", json{}) == now.value("bucket_size", json{});
  const bool of_pictures = std::string_view{key} == "images";
  changed_pictures changed;
  for (const auto& [name, value] : *after) {
    const auto was = before->find(name);
    if (was == before->end()) {
      if (of_pictures) changed.add(name, "is new");
    } else if (was->second != value && same_form) {
      changed.add(name, what);
    }
  }
  for (const auto& [name, _] : *before)
    if (of_pictures && !after->contains(name)) changed.add(name, "is missing");
  if (changed.empty()) return {};
  return fmt::format("--{}: since the run in {}, {}", key, output.string(), changed.text());
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
  if (pictures.options().masks)
    record["masks"] = {{"content", hashes_of(deciding(pictures, /*masks=*/true))}};
  if (class_pictures.defined())
    record["class_pictures"] = {{"content", evaluation::hash_of_pictures(class_pictures)}};
  if (held_out.defined() && (options.run.held_out_every > 0 || options.run.stopping.score_every > 0))
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
      content_json(weights::content_of(weights::open_model_files(source_of(options)), part));
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
  json before = json::parse(saved);
  json after = json::parse(now);
  std::vector<std::string> by_picture;
  // The names are those of the pictures, so that these come last.
  for (const auto& [key, what] :
       {std::pair{"captions", "has other captions"}, std::pair{"masks", "has another mask"},
        std::pair{"images", "has changed"}}) {
    if (!by_picture_in(before, key) || !by_picture_in(after, key)) continue;
    if (std::string sentence = difference_by_picture(before, after, key, what, output); !sentence.empty())
      by_picture.push_back(std::move(sentence));
    before.erase(key);
    after.erase(key);
  }
  std::vector<std::string> all = differences(before, after, rows_of(any), facts, output);
  all.insert(all.end(), by_picture.begin(), by_picture.end());
  return all;
}

}  // namespace dvar::cli
