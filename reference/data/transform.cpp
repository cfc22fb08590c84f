#include "data/transform.hpp"

#include <algorithm>
#include <stdexcept>

namespace dvar::data {
namespace {

/// Makes one pass of Pillow's resize over a plane of whole levels [1, 1, H, W]: filter, then round half up
/// and clamp.
at::Tensor resize_pass(const at::Tensor& plane, std::int64_t height, std::int64_t width, resampling filter) {
  if (plane.size(2) == height && plane.size(3) == width) return plane;
  at::Tensor resized = filter == resampling::bilinear
                           ? at::_upsample_bilinear2d_aa(plane, {height, width}, /*align_corners=*/false)
                           : at::_upsample_bicubic2d_aa(plane, {height, width}, /*align_corners=*/false);
  return resized.add_(0.5).floor_().clamp_(0, 255);
}

/// Makes both passes, in Pillow's order, which matters because each of them rounds and clamps: across first,
/// but down first where the height loses more than twice what the width loses (since Pillow 13, pull request
/// 9549; the bound was found by comparing results).
at::Tensor resize(const at::Tensor& plane, std::int64_t height, std::int64_t width, resampling filter) {
  const bool down_first = plane.size(2) - height > 2 * std::max<std::int64_t>(0, plane.size(3) - width);
  const at::Tensor halfway = down_first ? resize_pass(plane, height, plane.size(3), filter)
                                        : resize_pass(plane, plane.size(2), width, filter);
  return resize_pass(halfway, height, width, filter);
}

/// Returns whole levels, float32 [channels, height, width].
at::Tensor levels_of(const at::Tensor& image, std::int64_t height, std::int64_t width, resampling filter) {
  at::Tensor result = at::empty({image.size(0), height, width}, at::kFloat);
  // A plane at a time: a large photograph in floating point is the peak of the whole program's memory. In
  // double, since a sum that lands on the other side of a half is a level off, and the second pass amplifies it.
  for (std::int64_t channel = 0; channel < image.size(0); ++channel) {
    const at::Tensor plane = image[channel].to(at::kDouble).unsqueeze(0).unsqueeze(0);
    result[channel].copy_(resize(plane, height, width, filter)[0][0]);
  }
  return result;
}

}  // namespace

at::Tensor resize_to(const at::Tensor& image, std::int64_t height, std::int64_t width, resampling filter) {
  if (image.dim() != 3 || image.scalar_type() != at::kByte || image.numel() == 0 || height < 1 || width < 1)
    throw std::invalid_argument{"resize_to: expected a picture uint8 [channels, H, W] and edges >= 1"};
  return levels_of(image, height, width, filter).to(at::kByte);
}

at::Tensor resize_and_crop(const at::Tensor& image, std::int64_t size, bool center_crop, resampling filter) {
  if (image.dim() != 3 || image.scalar_type() != at::kByte || image.numel() == 0 || size < 1)
    throw std::invalid_argument{"resize_and_crop: expected a picture uint8 [channels, H, W] and a size >= 1"};
  at::Tensor window = image;
  if (center_crop) {
    const std::int64_t edge = std::min(image.size(1), image.size(2));
    window = image.narrow(1, (image.size(1) - edge) / 2, edge).narrow(2, (image.size(2) - edge) / 2, edge);
  }
  return levels_of(window, size, size, filter).div_(127.5).sub_(1);
}

at::Tensor to_bytes(const at::Tensor& image) {
  if (!image.is_floating_point()) throw std::invalid_argument{"to_bytes: expected a floating-point tensor"};
  return at::nan_to_num(image.detach().to(at::kCPU, at::kFloat), /*nan=*/0, /*posinf=*/1, /*neginf=*/-1)
      .clamp(-1, 1)
      .add_(1)
      .mul_(127.5)
      .round_()
      .to(at::kByte);
}

}  // namespace dvar::data
