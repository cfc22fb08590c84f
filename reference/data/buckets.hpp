#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "torch.hpp"

namespace dvar::data {

/// Is the size of training pictures of one shape, in pixels.
struct bucket_size {
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool operator==(const bucket_size&) const = default;
};

/// Returns the sizes of pictures that cost about what a square with the edge `size` does, as NovelAI's and kohya's programs have them:
/// for every multiple of a step from half to twice the edge as width, the greatest multiple as height whose area is at most that of
/// the square, and the other way round; the square first. The step is the least multiple of `least`, which the networks need, that is
/// at least size / 16: 64 for Stable Diffusion 1, 2 and XL.
std::vector<bucket_size> bucket_sizes(std::int64_t size, std::int64_t least);

/// Returns the number of the size whose aspect is nearest to that of a picture, by its logarithm; the first of equally near ones.
std::size_t nearest_bucket(const std::vector<bucket_size>& sizes, std::int64_t height, std::int64_t width);

/// Returns the share of a picture that is left when a size is cut out of it: 1 where the aspects are the same.
double kept_share(const bucket_size& size, std::int64_t height, std::int64_t width);

/// Says how a picture is brought into a size without distorting it: resized until it covers it, the edge that is longer than needed
/// rounded down, then the centered part is cut out.
struct covering {
  bucket_size resized;
  std::int64_t top = 0;  ///< of the part, in the resized picture
  std::int64_t left = 0;
};
covering cover(const bucket_size& size, std::int64_t height, std::int64_t width);

/// Returns what the size shows of a picture or mask, uint8 [channels, H, W]: uint8 [channels, height, width].
at::Tensor covering_part(const at::Tensor& image, const bucket_size& size);

}  // namespace dvar::data
