/// \file
/// Reads masks, which say what parts of a picture count in the loss.
#pragma once

#include <cstdint>
#include <filesystem>

#include "data/buckets.hpp"
#include "torch.hpp"

namespace dvar::data {

/// Returns where the mask of a picture is: `cat.mask.png` beside `cat.jpg` if `folder` is empty, else
/// `cat.png` in that folder.
std::filesystem::path mask_file_of(const std::filesystem::path& picture, const std::filesystem::path& folder);

/// Returns whether the file is `cat.mask.png` or the like, which lies among pictures and is none.
bool is_mask_name(const std::filesystem::path& file);

/// Reads the mask of a picture, uint8 [1, height, width]. `picture` is the picture's file, for messages, and `height`, `width` its
/// size in pixels: that of the mask too. Throws `dvar::input_error`, which names the mask, when it is missing or broken, or has
/// another size, colors or transparency.
at::Tensor read_mask(const std::filesystem::path& file, const std::filesystem::path& picture,
                     std::int64_t height, std::int64_t width);

/// Brings a mask, uint8 [1, H, W], into the same square as its picture: cropped, or squeezed whole, and resized in the same way.
/// Returns float32 [1, size, size]: 0 where the mask is black, 1 where it is white, in between where it is gray. Throws
/// `dvar::input_error`, which names the mask's file, when it is black all over in that square.
at::Tensor square_mask(const at::Tensor& mask, const std::filesystem::path& file, std::int64_t size,
                       bool center_crop);

/// Brings it into the part of a bucket's size that `covering_part` has of its picture, float32 [1, height, width], likewise.
at::Tensor mask_in_bucket(const at::Tensor& mask, const std::filesystem::path& file, const bucket_size& size);

}  // namespace dvar::data
