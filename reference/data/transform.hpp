/// \file
/// Between the bytes of a picture and the numbers that a network reads.
#pragma once

#include <cstdint>

#include "torch.hpp"

namespace dvar::data {

/// How pixels between pixels are made: linear, or bicubic with a = -0.5.
enum class resampling { bilinear, bicubic };

/// A square picture or mask of one size, as the networks take it. Resampling is antialiased
/// and its result is rounded to whole levels of 1/255, as Pillow's `Image.resize(…,
/// BICUBIC)` does: at most one level apart from it.
/// \param image uint8 [channels, H, W]
/// \param size edge of the result in pixels, at least 1
/// \param centre_crop true cuts the largest centred square first; false squeezes the whole picture into
/// the square
/// \returns float32 [channels, size, size] in [-1, 1], `level / 127.5 - 1`
at::Tensor resize_and_crop(const at::Tensor& image, std::int64_t size, bool centre_crop,
                           resampling filter = resampling::bicubic);

/// The way back: values in [-1, 1] (others are clamped, NaN becomes 0) to the nearest level.
/// \param image floating point of any precision and shape, on any device
/// \returns uint8 of the same shape, on the CPU
at::Tensor to_bytes(const at::Tensor& image);

}  // namespace dvar::data
