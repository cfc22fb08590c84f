#include "data/concept_dataset.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include <dvar/probe/draws.hpp>

#include "data/captions.hpp"
#include "data/image.hpp"
#include "data/mask.hpp"
#include "data/transform.hpp"
#include "error.hpp"

namespace dvar::data {
namespace {

std::string lower_extension(const std::filesystem::path& file) {
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return extension;
}

bool is_picture_name(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 4> extensions{".jpg", ".jpeg", ".png", ".webp"};
  return std::find(extensions.begin(), extensions.end(), lower_extension(file)) != extensions.end();
}

/// Says what stands in a folder without pictures, so that the reader sees at once which mistake it was.
std::string describe(const std::vector<std::string>& others) {
  if (others.empty()) return "it is empty";
  constexpr std::size_t shown = 3;
  std::string list;
  for (std::size_t i = 0; i < std::min(shown, others.size()); ++i)
    list += (i == 0 ? "" : ", ") + others[i];
  if (others.size() > shown) list += fmt::format(" and {} more", others.size() - shown);
  return "it holds " + list;
}

}  // namespace

std::vector<std::filesystem::path> list_pictures(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code failure;
  const fs::file_status status = fs::status(folder, failure);
  if (!fs::exists(status))
    throw input_error{fmt::format("expected a folder with pictures, {} does not exist", folder.string())};
  if (!fs::is_directory(status))
    throw input_error{fmt::format("expected a folder with pictures, {} is no folder", folder.string())};
  std::vector<fs::path> pictures;
  std::vector<std::string> others;
  fs::directory_iterator entries{folder, failure};
  for (; !failure && entries != fs::directory_iterator{}; entries.increment(failure)) {
    const std::string name = entries->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code ignored;  // a link to nowhere is listed among the others
    const bool folder_within = entries->is_directory(ignored);
    if (entries->is_regular_file(ignored) && is_picture_name(entries->path()) &&
        !is_mask_name(entries->path())) {
      pictures.push_back(entries->path());
    } else {
      others.push_back(folder_within ? name + "/" : name);
    }
  }
  if (failure)
    throw input_error{fmt::format("cannot list the folder {}: {}", folder.string(), failure.message())};
  if (pictures.empty()) {
    std::sort(others.begin(), others.end());
    throw input_error{fmt::format("no pictures (.jpg, .jpeg, .png, .webp) in the folder {}: {}",
                                  folder.string(), describe(others))};
  }
  std::sort(pictures.begin(), pictures.end(), [](const fs::path& a, const fs::path& b) {
    return a.filename().native() < b.filename().native();
  });
  return pictures;
}

concept_dataset::concept_dataset(concept_options options) : options_{std::move(options)} {
  if (options_.size < 1 || options_.template_count < 1 ||
      !(options_.flip_probability >= 0 && options_.flip_probability <= 1) ||
      !(options_.mask_background >= 0 && options_.mask_background <= 1)) {
    throw std::invalid_argument{fmt::format(
        "concept_options: expected size >= 1, template_count >= 1, and flip_probability and mask_background in [0, 1], got {}, {}, {}, {}",
        options_.size, options_.template_count, options_.flip_probability, options_.mask_background)};
  }
  paths_ = list_pictures(options_.images_dir);
  std::vector<at::Tensor> pictures;
  std::vector<at::Tensor> masks;
  pictures.reserve(paths_.size());
  for (const std::filesystem::path& path : paths_) {
    if (options_.captions) {
      std::vector<std::string> own = read_captions(path);
      caption_ranges_.push_back(
          {static_cast<std::int64_t>(captions_.size()), static_cast<std::int64_t>(own.size())});
      std::move(own.begin(), own.end(), std::back_inserter(captions_));
    }
    const at::Tensor picture = read_image(path);
    pictures.push_back(resize_and_crop(picture, options_.size, options_.center_crop));
    if (options_.masks) {
      masks.push_back(read_mask(mask_file_of(path, options_.masks_dir), path, picture.size(1),
                                picture.size(2), options_.size, options_.center_crop));
    }
  }
  images_ = at::stack(pictures);
  if (options_.masks)
    masks_ = at::stack(masks).mul_(1 - options_.mask_background).add_(options_.mask_background);
}

concept_batch concept_dataset::draw(std::int64_t batch_size, std::mt19937_64& random) const {
  if (batch_size < 1)
    throw std::invalid_argument{fmt::format("draw: expected a batch size >= 1, got {}", batch_size)};
  concept_batch batch;
  for (std::int64_t i = 0; i < batch_size; ++i) {
    batch.images.push_back(draw_below(random, std::ssize(paths_)));
    const caption_range captions = captions_of(batch.images.back());
    batch.captions.push_back(captions.first + draw_below(random, captions.count));
    batch.flips.push_back(draw_chance(random, options_.flip_probability));
  }
  return batch;
}

}  // namespace dvar::data
