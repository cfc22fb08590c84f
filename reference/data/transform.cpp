#include "data/transform.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace dvar::data {
namespace {

/// One pass of Pillow's resize over a plane of whole levels [1, 1, H, W]: filter, then round half up and
/// clamp.
at::Tensor resize_pass(const at::Tensor& plane, std::int64_t height, std::int64_t width) {
  if (plane.size(2) == height && plane.size(3) == width) return plane;
  return at::_upsample_bicubic2d_aa(plane, {height, width}, /*align_corners=*/false)
      .add_(0.5)
      .floor_()
      .clamp_(0, 255);
}

}  // namespace

at::Tensor resize_and_crop(const at::Tensor& image, std::int64_t size, bool centre_crop) {
  if (image.dim() != 3 || image.size(0) != 3 || image.scalar_type() != at::kByte || image.numel() == 0 ||
      size < 1) {
    throw std::invalid_argument{
        fmt::format("resize_and_crop: expected a picture uint8 [3, H, W] and a size >= 1")};
  }
  at::Tensor window = image;
  if (centre_crop) {
    const std::int64_t edge = std::min(image.size(1), image.size(2));
    window = image.narrow(1, (image.size(1) - edge) / 2, edge).narrow(2, (image.size(2) - edge) / 2, edge);
  }
  at::Tensor result = at::empty({3, size, size}, at::kFloat);
  // A plane at a time: a large photograph in floating point is the peak of the whole programme's memory.
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    const at::Tensor plane = window[channel].to(at::kFloat).unsqueeze(0).unsqueeze(0);
    // Across first and down second, whole levels in between: the order and the rounding of Pillow.
    const at::Tensor across = resize_pass(plane, plane.size(2), size);
    result[channel].copy_(resize_pass(across, size, size)[0][0]);
  }
  return result.div_(127.5).sub_(1);
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
