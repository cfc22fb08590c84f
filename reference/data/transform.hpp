/// \file
/// Converts between the bytes of a picture and the numbers that a network reads.
#pragma once

#include <cstdint>

#include "torch.hpp"

namespace dvar::data {

/// Says how pixels between pixels are made: linear, or bicubic with a = -0.5.
enum class resampling { bilinear, bicubic };

/// Makes a square picture or mask of one size, as the networks take it: from uint8 [channels, H, W], float32
/// [channels, size, size] in [-1, 1], `level / 127.5 - 1`. Resampling is antialiased and its result is
/// rounded to whole levels of 1/255, as Pillow's `Image.resize(…, BICUBIC)` does: at most one level apart
/// from it. `size` is the edge of the result in pixels, at least 1; `center_crop` cuts the largest centered
/// square first instead of squeezing the whole picture into the square.
at::Tensor resize_and_crop(const at::Tensor& image, std::int64_t size, bool center_crop,
                           resampling filter = resampling::bicubic);

/// Makes a picture or mask, uint8 [channels, H, W], of another size: uint8 [channels, height, width], resampled likewise.
at::Tensor resize_to(const at::Tensor& image, std::int64_t height, std::int64_t width,
                     resampling filter = resampling::bicubic);

/// Turns values in [-1, 1] (others are clamped, NaN becomes 0) back into the nearest levels: uint8 of the
/// same shape, on the CPU, from floating point of any precision, on any device.
at::Tensor to_bytes(const at::Tensor& image);

}  // namespace dvar::data
