#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "torch.hpp"

namespace dvar::data {

/// Keeps pictures whole, their shorter edge at the size of the training, and cuts squares out of them. A square is as long as the
/// shorter edge, so that its place is one number: where it begins along the longer edge.
class random_crops {
 public:
  /// Cuts squares with this edge in pixels, at least 1.
  explicit random_crops(std::int64_t size) : size_{size} {}

  /// Adds a picture, uint8 [3, H, W], and its mask, uint8 [1, H, W] or undefined. They are resized as Pillow's
  /// `Image.resize(…, BICUBIC)` does, the longer edge rounded down. Where `background` is 0, squares in which the mask is black all
  /// over are never drawn; else it is what the black of the mask weighs.
  void add(const at::Tensor& picture, const at::Tensor& mask, double background);

  /// Draws where the square of a picture begins, every place with something of its mask in it as likely as any other.
  std::int64_t draw(std::int64_t picture, std::mt19937_64& random) const;

  /// Returns how many places there are to draw from.
  std::int64_t places(std::int64_t picture) const;

  /// Returns a square of a picture, uint8 [3, size, size].
  at::Tensor picture(std::int64_t picture, std::int64_t begin) const;

  /// Returns the same square of its mask, float32 [1, size, size] from `background` to 1; undefined without masks.
  at::Tensor mask(std::int64_t picture, std::int64_t begin) const;

  /// Returns top and left of a square in the whole picture, or in its mirror image.
  std::pair<std::int64_t, std::int64_t> corner(std::int64_t picture, std::int64_t begin, bool mirrored) const;

  /// Returns the whole pictures, uint8 [3, h, w], and their masks, float32 [1, h, w], none without masks.
  const std::vector<at::Tensor>& wholes() const { return wholes_; }
  const std::vector<at::Tensor>& masks() const { return masks_; }

 private:
  /// Returns the square of a whole picture or mask.
  at::Tensor square(const at::Tensor& whole, std::int64_t begin) const;

  std::int64_t size_;
  std::vector<at::Tensor> wholes_;
  std::vector<at::Tensor> masks_;
  std::vector<std::vector<std::int64_t>> begins_;  ///< the places to draw from, of each picture
};

}  // namespace dvar::data
