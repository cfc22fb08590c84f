/// \file
/// Loads the few pictures from which a concept is learned.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "data/buckets.hpp"
#include "data/picture_folder.hpp"
#include "data/random_crops.hpp"
#include "torch.hpp"

namespace dvar::data {

/// Says what to load and how to draw from it.
struct concept_options {
  /// The folder with the pictures; its subfolders are not searched.
  std::filesystem::path images_dir{};
  /// The edge of the square training picture, in pixels.
  std::int64_t size = 512;
  /// Whether to cut the centered square instead of squeezing the whole picture into it.
  bool center_crop = false;
  /// Whether every draw cuts a square of its own out of the picture, see `random_crops`; what is kept of it is the centered one.
  bool random_crop = false;
  /// The sizes of which each picture takes the nearest, in place of the square, see `bucket_sizes`; empty for squares alone.
  std::vector<bucket_size> buckets{};
  /// The chance that a drawn picture is mirrored left to right, in [0, 1].
  double flip_probability = 0.5;
  /// The number of prompt templates to draw from (object or style: the caller's list).
  std::int64_t template_count = 1;
  /// Whether to draw from the captions in a file beside each picture instead, see `read_captions`.
  bool captions = false;
  /// Whether to weigh the loss by a mask for each picture, see `read_mask`.
  bool masks = false;
  /// The folder of the masks; empty: beside the pictures.
  std::filesystem::path masks_dir{};
  /// What the black of a mask weighs, in [0, 1]; white weighs 1.
  double mask_background = 0;
  /// How many pictures, the last by name, are held out.
  std::int64_t hold_out = 0;
  /// Whether to load those that are held out, not the others.
  bool only_held_out = false;
};

/// Says of what a training picture was made, in pixels.
struct picture_sizes {
  std::int64_t height = 0;  ///< of the picture in the file
  std::int64_t width = 0;
  /// Where the training picture lies in the whole one, when this has been resized so that the part has its size.
  std::int64_t top = 0;
  std::int64_t left = 0;
  bucket_size kept{};  ///< of the training picture
};

/// Holds the training pictures of one shape.
struct bucket {
  std::vector<std::int64_t> pictures;  ///< their numbers among all
  at::Tensor images;                   ///< float32 [pictures, 3, h, w] in [-1, 1], not mirrored
  at::Tensor masks;  ///< float32 [pictures, 1, h, w] in [mask_background, 1]; undefined without masks
};

/// Names neighboring entries of a list of captions.
struct caption_range {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// Describes one training batch by indices: entry b of each vector belongs to example b.
struct concept_batch {
  std::vector<std::int64_t> images;    ///< in [0, concept_dataset::size())
  std::vector<std::int64_t> captions;  ///< numbers within `captions_of` the image
  std::vector<bool> flips;             ///< true: mirrored left to right
  /// Where the square of the picture, not mirrored, begins, see `random_crops`; empty unless it is drawn.
  std::vector<std::int64_t> begins{};
};

struct named_concept;

/// Loads all pictures of a folder, in the order of their file names' bytes: see `look_through`.
class concept_dataset {
 public:
  /// Lists and loads the pictures. Throws `dvar::input_error` when the folder is
  /// missing or no folder, holds no picture (the message says what it does hold) or none beside those that are held out, or a
  /// picture is broken or lacks captions or a mask that can be used, or no bucket shows half of it; `std::invalid_argument` when a size or template_count is
  /// below 1, hold_out below 0, a probability or mask_background is outside [0, 1], or more than one of the cuts and buckets is wanted.
  explicit concept_dataset(concept_options options);

  /// Returns the pictures of several concepts that are learned together, at least one, one concept's after the other's. Every
  /// picture has captions of its own concept, filled with that one's token: its own, or the concept's prompts. Options are those of the
  /// first, but for the folder. Throws `std::invalid_argument` when there are buckets or random crops, or masks with some alone.
  static concept_dataset joined(const std::vector<named_concept>& concepts);

  /// Returns the number of pictures, at least 1.
  std::int64_t size() const noexcept { return static_cast<std::int64_t>(paths_.size()); }

  /// Returns the pictures as squares, float32 [size(), 3, S, S] in [-1, 1], not mirrored, in the order of `paths()`.
  const at::Tensor& images() const noexcept { return images_; }

  const std::vector<std::filesystem::path>& paths() const noexcept { return paths_; }

  /// Returns the sizes of each picture, in the order of `paths()`.
  const std::vector<picture_sizes>& sizes() const noexcept { return sizes_; }

  /// Returns the files of the folder that nothing is made of.
  const std::vector<unused_file>& unused() const noexcept { return unused_; }

  /// Returns the captions of all pictures, by picture; empty where templates are drawn.
  const std::vector<std::string>& captions() const noexcept { return captions_; }

  /// Returns the captions from which one is drawn for a picture: its own of `captions()`, or all templates.
  caption_range captions_of(std::int64_t picture) const {
    return caption_ranges_.empty() ? caption_range{0, options_.template_count}
                                   : caption_ranges_.at(static_cast<std::size_t>(picture));
  }

  /// Returns how many concepts the pictures are of.
  std::int64_t concepts() const noexcept { return std::ssize(first_pictures_); }

  /// Returns the picture that has this place, from 0, where all are gone through again and again: concepts take turns, each with its
  /// next picture, so that any so many neighboring places as there are concepts have one of each. Of one concept it is the remainder.
  std::int64_t in_turn(std::int64_t place) const;

  /// Returns the pictures by their shapes, those that are there: one of all the squares unless there are buckets.
  const std::vector<bucket>& buckets() const noexcept { return buckets_; }

  /// Returns the number of a picture's bucket.
  std::size_t bucket_of(std::int64_t picture) const {
    return bucket_of_.at(static_cast<std::size_t>(picture));
  }

  /// Returns what squares are cut out of at random; null where they are not.
  const random_crops* crops() const noexcept { return crops_ ? &*crops_ : nullptr; }

  /// Returns the sizes of a square that is cut out of a picture at random.
  picture_sizes sizes_of_crop(std::int64_t picture, std::int64_t begin, bool mirrored) const;

  const concept_options& options() const noexcept { return options_; }

  /// Draws a batch, with replacement: picture, caption, flip and square of one example, then of the next. The pictures
  /// of a batch are of one bucket, that of the first; any picture is as likely as any other at every place. The engine
  /// is the only state, so to save the engine is to save the position in the data. The batch is equal on
  /// every platform for an equal engine.
  concept_batch draw(std::int64_t batch_size, std::mt19937_64& random) const;

 private:
  concept_dataset() = default;

  /// Sorts training pictures and masks by their shapes.
  void fill_buckets(const std::vector<at::Tensor>& parts, const std::vector<at::Tensor>& masks);

  concept_options options_;
  std::vector<std::filesystem::path> paths_;
  std::vector<picture_sizes> sizes_;
  std::vector<unused_file> unused_;
  std::vector<std::string> captions_;
  std::vector<caption_range> caption_ranges_;
  std::vector<std::int64_t> first_pictures_{0};  // of each concept
  at::Tensor images_;
  std::vector<bucket> buckets_;
  std::vector<std::size_t> bucket_of_;
  std::optional<random_crops> crops_{};
};

/// Holds one of several concepts that are learned together.
struct named_concept {
  concept_dataset pictures;
  std::string token;  ///< goes for `{}` in captions and prompts
  std::vector<std::string>
      prompts;  ///< are those to draw from where the pictures have no captions, at least one
};

}  // namespace dvar::data
