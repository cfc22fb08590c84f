#include "data/concept_dataset.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include <dvar/probe/draws.hpp>

#include "data/captions.hpp"
#include "data/image.hpp"
#include "data/mask.hpp"
#include "data/transform.hpp"
#include "error.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::data {
namespace {

/// Returns the size that a picture is learned in. Throws `dvar::input_error` when none shows half of it.
bucket_size bucket_for(const std::filesystem::path& path, std::int64_t height, std::int64_t width,
                       const std::vector<bucket_size>& sizes) {
  const bucket_size& nearest = sizes[nearest_bucket(sizes, height, width)];
  const double share = kept_share(nearest, height, width);
  if (share < 0.5) {
    throw input_error(fmt::format(
        "{}: expected a picture of which a bucket (--bucket-size) shows at least half, found one of {} x {} pixels, of which the nearest, {}x{}, shows {:.0f} %",
        path.string(), width, height, nearest.width, nearest.height, 100 * share));
  }
  return nearest;
}

picture_sizes sizes_of(const std::filesystem::path& path, const at::Tensor& picture,
                       const concept_options& options) {
  const std::int64_t height = picture.size(1), width = picture.size(2);
  picture_sizes sizes{
      .height = height, .width = width, .kept = {.height = options.size, .width = options.size}};
  if (!options.buckets.empty()) {
    sizes.kept = bucket_for(path, height, width, options.buckets);
    const covering how = cover(sizes.kept, height, width);
    sizes.top = how.top;
    sizes.left = how.left;
    return sizes;
  }
  if (!options.center_crop && !options.random_crop) return sizes;
  const std::int64_t edge = std::min(height, width);
  const auto cut_off = [&](std::int64_t extent) { return (extent - edge) * options.size / (2 * edge); };
  sizes.top = cut_off(height);
  sizes.left = cut_off(width);
  return sizes;
}

/// Returns the last pictures, which are held out, or the others. Throws `dvar::input_error` when there are no others.
std::vector<std::filesystem::path> chosen(std::vector<std::filesystem::path> pictures,
                                          const concept_options& options) {
  const auto count = std::ssize(pictures);
  if (count <= options.hold_out) {
    throw input_error(fmt::format("{}: expected more than the {} to hold out, found {}",
                                  options.images_dir.string(), count_of_pictures(options.hold_out), count));
  }
  const auto held_out = pictures.end() - options.hold_out;
  if (options.only_held_out)
    pictures.erase(pictures.begin(), held_out);
  else
    pictures.erase(held_out, pictures.end());
  return pictures;
}

}  // namespace

concept_dataset::concept_dataset(concept_options options) : options_{std::move(options)} {
  if (options_.size < 1 || options_.template_count < 1 || options_.hold_out < 0 ||
      !(options_.flip_probability >= 0 && options_.flip_probability <= 1) ||
      !(options_.mask_background >= 0 && options_.mask_background <= 1) ||
      int{options_.center_crop} + int{options_.random_crop} + int{!options_.buckets.empty()} > 1) {
    throw std::invalid_argument{fmt::format(
        "concept_options: expected size >= 1, template_count >= 1, hold_out >= 0, flip_probability and mask_background in [0, 1], and one cut at most, got {}, {}, {}, {}, {}",
        options_.size, options_.template_count, options_.hold_out, options_.flip_probability,
        options_.mask_background)};
  }
  picture_folder folder =
      look_through(options_.images_dir,
                   {.captions = options_.captions, .masks = options_.masks && options_.masks_dir.empty()});
  paths_ = chosen(std::move(folder.pictures), options_);
  unused_ = std::move(folder.unused);
  if (options_.random_crop) crops_.emplace(options_.size);
  // Squares of pictures in buckets are for scores and first words alone.
  const bool in_buckets = !options_.buckets.empty();
  const bool cuts = options_.center_crop || options_.random_crop || in_buckets;
  std::vector<at::Tensor> pictures;
  std::vector<at::Tensor> parts;
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
    sizes_.push_back(sizes_of(path, picture, options_));
    pictures.push_back(resize_and_crop(picture, options_.size, cuts));
    at::Tensor mask;
    if (options_.masks) {
      const std::filesystem::path file = mask_file_of(path, options_.masks_dir);
      mask = read_mask(file, path, picture.size(1), picture.size(2));
      masks.push_back(in_buckets ? mask_in_bucket(mask, file, sizes_.back().kept)
                                 : square_mask(mask, file, options_.size, cuts));
    }
    parts.push_back(in_buckets ? covering_part(picture, sizes_.back().kept).to(at::kFloat).div_(127.5).sub_(1)
                               : pictures.back());
    if (crops_) crops_->add(picture, mask, options_.mask_background);
  }
  images_ = at::stack(pictures);
  fill_buckets(parts, masks);
}

concept_dataset concept_dataset::joined(const std::vector<named_concept>& concepts) {
  concept_dataset all;
  all.options_ = concepts.at(0).pictures.options_;
  all.first_pictures_.clear();
  std::vector<at::Tensor> images;
  std::vector<at::Tensor> masks;
  for (const auto& [own, token, prompts] : concepts) {
    if (!own.options_.buckets.empty() || own.crops_ || own.options_.masks != all.options_.masks)
      throw std::invalid_argument{
          "concept_dataset: expected squares alone to join, and masks with all or none"};
    const bool has_captions = !own.captions_.empty();
    const std::int64_t first_caption = std::ssize(all.captions_);
    for (const std::string& caption : has_captions ? own.captions_ : prompts)
      all.captions_.push_back(text::fill(caption, token));
    all.first_pictures_.push_back(all.size());
    for (std::int64_t i = 0; i < own.size(); ++i) {
      const caption_range range = has_captions ? own.captions_of(i) : caption_range{0, std::ssize(prompts)};
      all.caption_ranges_.push_back({first_caption + range.first, range.count});
    }
    all.paths_.insert(all.paths_.end(), own.paths_.begin(), own.paths_.end());
    all.sizes_.insert(all.sizes_.end(), own.sizes_.begin(), own.sizes_.end());
    images.push_back(own.images_);
    masks.push_back(own.buckets_.front().masks);
  }
  all.images_ = at::cat(images);
  bucket squares{
      .pictures = std::vector<std::int64_t>(all.paths_.size()), .images = all.images_, .masks = {}};
  std::iota(squares.pictures.begin(), squares.pictures.end(), 0);
  if (all.options_.masks) squares.masks = at::cat(masks);
  all.buckets_.push_back(std::move(squares));
  all.bucket_of_.assign(all.paths_.size(), 0);
  return all;
}

std::int64_t concept_dataset::in_turn(std::int64_t place) const {
  const auto number = static_cast<std::size_t>(place % concepts());
  const std::int64_t first = first_pictures_[number];
  const std::int64_t last = number + 1 < first_pictures_.size() ? first_pictures_[number + 1] : size();
  return first + place / concepts() % (last - first);
}

void concept_dataset::fill_buckets(const std::vector<at::Tensor>& parts,
                                   const std::vector<at::Tensor>& masks) {
  std::vector<bucket_size> there;
  for (const picture_sizes& each : sizes_) {
    const auto found = std::ranges::find(there, each.kept);
    bucket_of_.push_back(static_cast<std::size_t>(found - there.begin()));
    if (found == there.end()) there.push_back(each.kept);
  }
  for (std::size_t number = 0; number < there.size(); ++number) {
    bucket filled;
    std::vector<at::Tensor> images, weights;
    for (std::size_t picture = 0; picture < parts.size(); ++picture) {
      if (bucket_of_[picture] != number) continue;
      filled.pictures.push_back(static_cast<std::int64_t>(picture));
      images.push_back(parts[picture]);
      if (options_.masks) weights.push_back(masks[picture]);
    }
    filled.images = there.size() == 1 && options_.buckets.empty() ? images_ : at::stack(images);
    if (options_.masks)
      filled.masks = at::stack(weights).mul_(1 - options_.mask_background).add_(options_.mask_background);
    buckets_.push_back(std::move(filled));
  }
}

picture_sizes concept_dataset::sizes_of_crop(std::int64_t picture, std::int64_t begin, bool mirrored) const {
  picture_sizes sizes = sizes_.at(static_cast<std::size_t>(picture));
  std::tie(sizes.top, sizes.left) = crops_.value().corner(picture, begin, mirrored);
  return sizes;
}

concept_batch concept_dataset::draw(std::int64_t batch_size, std::mt19937_64& random) const {
  if (batch_size < 1)
    throw std::invalid_argument{fmt::format("draw: expected a batch size >= 1, got {}", batch_size)};
  concept_batch batch;
  for (std::int64_t i = 0; i < batch_size; ++i) {
    if (i == 0 || buckets_.size() == 1) {
      batch.images.push_back(draw_below(random, std::ssize(paths_)));
    } else {
      const std::vector<std::int64_t>& alike = buckets_[bucket_of(batch.images.front())].pictures;
      batch.images.push_back(alike[static_cast<std::size_t>(draw_below(random, std::ssize(alike)))]);
    }
    const caption_range captions = captions_of(batch.images.back());
    batch.captions.push_back(captions.first + draw_below(random, captions.count));
    batch.flips.push_back(draw_chance(random, options_.flip_probability));
    if (crops_) batch.begins.push_back(crops_->draw(batch.images.back(), random));
  }
  return batch;
}

}  // namespace dvar::data
