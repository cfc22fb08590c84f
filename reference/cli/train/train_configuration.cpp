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

/// Names what an entry of `--concepts-list` decides, where that is no key of it.
constexpr std::array entry_facts{
    recorded_fact{"class_pictures", "the pictures of its class"},
    recorded_fact{"initial", "the word that its token begins as"},
    recorded_fact{"initial_content", "the vectors that its token begins as"},
    recorded_fact{"vectors", "the number of its token's vectors"},
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

/// Returns whether both have pictures in the same form. A cut or a size that differs is told elsewhere, and changes every picture.
bool have_same_form(const json& saved, const json& now) {
  return std::ranges::all_of(
      std::array{"size", "center_crop", "random_crop", "buckets", "bucket_size"},
      [&](const char* key) { return saved.value(key, json{}) == now.value(key, json{}); });
}

/// Compares two configurations by picture. Returns a sentence, or nothing where all is the same.
std::string difference_by_picture(const json& saved, const json& now, const char* key, const char* what,
                                  bool same_form, const std::filesystem::path& output) {
  const std::optional<by_picture> before = by_picture_in(saved, key);
  const std::optional<by_picture> after = by_picture_in(now, key);
  if (!before || !after) return {};
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
  return fmt::format("{}: since the run in {}, {}", key, output.string(), changed.text());
}

/// Compares what two configurations have of pictures, and takes it out of them. Returns a sentence about each thing that differs.
std::vector<std::string> differences_by_picture(json& before, json& after, bool same_form,
                                                const std::filesystem::path& output) {
  std::vector<std::string> sentences;
  // The names are those of the pictures, so that these come last.
  for (const auto& [key, what] :
       {std::pair{"captions", "has other captions"}, std::pair{"masks", "has another mask"},
        std::pair{"images", "has changed"}}) {
    if (!by_picture_in(before, key) || !by_picture_in(after, key)) continue;
    if (std::string sentence = difference_by_picture(before, after, key, what, same_form, output);
        !sentence.empty())
      sentences.push_back(std::move(sentence));
    before.erase(key);
    after.erase(key);
  }
  return sentences;
}

/// Compares the entries of two lists of concepts, where there are as many, and takes them out of the configurations.
std::vector<std::string> differences_by_concept(json& before, json& after, bool same_form,
                                                const std::filesystem::path& output) {
  constexpr const char* key = "concepts_list";
  std::vector<std::string> all;
  if (!before.contains(key) || !after.contains(key) || before[key].size() != after[key].size()) return all;
  for (std::size_t i = 0; i < before[key].size(); ++i) {
    json& saved = before[key][i];
    json& now = after[key][i];
    std::vector<std::string> by_picture = differences_by_picture(saved, now, same_form, output);
    std::vector<std::string> own = differences(saved, now, {}, entry_facts, output);
    own.insert(own.end(), by_picture.begin(), by_picture.end());
    for (const std::string& each : own)
      all.push_back(fmt::format("--concepts-list: entry {}: {}", i + 1, each));
  }
  before.erase(key);
  after.erase(key);
  return all;
}

/// Returns a hash as it is recorded: nothing that could be said to people.
json content_json(const std::string& hash) {
  return {{"content", hash}};
}

/// Puts what a concept's files came to into a record. Folders are told by name, and recorded by what is in them.
void put(json& record, const loaded_concept& learned) {
  const data::concept_dataset& pictures = learned.pictures;
  record["images"] = images_json(pictures);
  if (!pictures.captions().empty()) record["captions"] = captions_json(pictures);
  if (pictures.options().masks)
    record["masks"] = {{"content", hashes_of(deciding(pictures, /*masks=*/true))}};
  if (learned.class_pictures.defined())
    record["class_pictures"] = content_json(evaluation::hash_of_pictures(learned.class_pictures));
  record["vectors"] = learned.initial.vectors.size(0);
  record["initial"] = learned.initial.words;
  record["initial_content"] = content_json(evaluation::hash_of_pictures(learned.initial.vectors));
}

/// Returns what an entry of `--concepts-list` says beside its folders, by its keys.
json entry_json(const concept_choice& choice) {
  json entry{{"modifier_token", choice.token}};
  if (!choice.prompt.empty()) entry["instance_prompt"] = choice.prompt;
  if (choice.class_pictures.is_wanted()) entry["class_prompt"] = choice.class_pictures.prompt;
  return entry;
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

std::string configuration_of(const train_options& options, const std::vector<loaded_concept>& concepts,
                             const at::Tensor& held_out) {
  train_options copy = options;
  json record = recorded_options(rows_of(copy));
  if (concepts.size() == 1)
    put(record, concepts.front());
  else
    for (std::size_t i = 0; i < concepts.size(); ++i)
      put(record["concepts_list"].emplace_back(entry_json(options.concepts.at(i))), concepts[i]);
  if (held_out.defined() && (options.run.held_out_every > 0 || options.run.stopping.score_every > 0))
    record["held_out"] = {{"content", evaluation::hash_of_pictures(held_out)}};
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
  record["size"] = concepts.front().pictures.options().size;
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
  const bool same_form = have_same_form(before, after);
  std::vector<std::string> by_picture = differences_by_picture(before, after, same_form, output);
  for (std::string& each : by_picture)
    each.insert(0, "--");
  for (std::string& each : differences_by_concept(before, after, same_form, output))
    by_picture.push_back(std::move(each));
  std::vector<std::string> all = differences(before, after, rows_of(any), facts, output);
  all.insert(all.end(), by_picture.begin(), by_picture.end());
  return all;
}

}  // namespace dvar::cli
