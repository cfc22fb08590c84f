#include "cli/samples/scored_pictures.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "data/concept_dataset.hpp"
#include "data/image.hpp"
#include "data/transform.hpp"
#include "error.hpp"
#include "weights/config.hpp"

namespace dvar::cli {

std::vector<std::filesystem::path> list_samples(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files = data::list_pictures(folder);
  const auto is_after = [](const std::filesystem::path& file) {
    return file.filename().string().starts_with("after-");
  };
  if (std::any_of(files.begin(), files.end(), is_after))
    std::erase_if(files, [&](const std::filesystem::path& file) { return !is_after(file); });
  std::erase_if(files, [](const std::filesystem::path& file) { return file.filename() == "grid.png"; });
  if (files.empty()) {
    throw input_error(
        fmt::format("expected samples in the folder {}, found grid.png alone", folder.string()));
  }
  return files;
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
  const auto text = [&](const char* key) -> std::optional<std::string> {
    if (!configuration.is_object() || !configuration.contains(key)) return std::nullopt;
    const nlohmann::json& value = configuration.at(key);
    if (!value.is_string()) return std::nullopt;
    return value.get<std::string>();
  };
  if (text("token") != token || text("init").value_or("file:").starts_with("file:")) return std::nullopt;
  const std::optional<std::string> initial = text("initial");
  if (!initial) return std::nullopt;
  return as_phrase(*initial);
}

std::string as_phrase(std::string words) {
  std::replace(words.begin(), words.end(), '+', ' ');
  return words;
}

}  // namespace dvar::cli
