#include "cli/samples/scored_pictures.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "data/image.hpp"
#include "data/picture_folder.hpp"
#include "data/transform.hpp"
#include "error.hpp"
#include "weights/config.hpp"
#include "weights/output_folder.hpp"

namespace dvar::cli {

listed_samples list_samples(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  if (weights::writer_of(folder) == "train") return list_samples(folder / "samples");
  data::picture_folder found = data::look_through(folder);
  const auto is_after = [](const fs::path& file) { return file.filename().string().starts_with("after-"); };
  const bool is_of_run = std::ranges::any_of(found.pictures, is_after);
  listed_samples samples;
  for (const fs::path& file : found.pictures)
    if (is_of_run ? is_after(file) : file.filename() != "grid.png")
      samples.files.push_back(file);
    else
      found.unused.push_back({file.filename(), is_of_run ? "no sample after the training"
                                                         : "a sheet of the others by its name"});
  if (samples.files.empty())
    throw input_error(
        fmt::format("expected samples in the folder {}, found grid.png alone", folder.string()));
  // In folders that dvar wrote, these are no surprise.
  // Several tokens have a folder each within that of the run's samples.
  const fs::path around = fs::weakly_canonical(folder).parent_path();
  const bool is_ours = weights::writer_of(folder).has_value() || weights::writer_of(around) == "train" ||
                       weights::writer_of(around.parent_path()) == "train";
  if (!is_ours) samples.left_out = data::description_of(found.unused, folder);
  return samples;
}

at::Tensor load_squares(const std::vector<std::filesystem::path>& files, std::optional<std::int64_t> size,
                        bool center_crop) {
  std::vector<at::Tensor> squares;
  for (const std::filesystem::path& file : files) {
    const at::Tensor picture = data::read_image(file);
    if (!size) size = std::min(picture.size(1), picture.size(2));
    squares.push_back(data::resize_and_crop(picture, *size, center_crop));
  }
  return at::stack(squares);
}

std::optional<std::string> initial_word_of(const std::filesystem::path& embedding, const std::string& token) {
  const std::filesystem::path file = embedding.parent_path() / "config.json";
  if (!std::filesystem::exists(file)) return std::nullopt;
  const nlohmann::json configuration = weights::read_json(file);
  const auto text = [](const nlohmann::json& of, const char* key) -> std::optional<std::string> {
    if (!of.is_object() || !of.contains(key) || !of.at(key).is_string()) return std::nullopt;
    return of.at(key).get<std::string>();
  };
  const auto phrase = [&](const nlohmann::json& of) -> std::optional<std::string> {
    const std::optional<std::string> initial = text(of, "initial");
    if (!initial) return std::nullopt;
    return as_phrase(*initial);
  };
  if (configuration.is_object() && configuration.contains("concepts_list")) {
    for (const nlohmann::json& each : configuration.at("concepts_list"))
      if (text(each, "modifier_token") == token) return phrase(each);
    return std::nullopt;
  }
  if (text(configuration, "token") != token ||
      text(configuration, "init").value_or("file:").starts_with("file:"))
    return std::nullopt;
  return phrase(configuration);
}

std::string as_phrase(std::string words) {
  std::replace(words.begin(), words.end(), '+', ' ');
  return words;
}

}  // namespace dvar::cli
