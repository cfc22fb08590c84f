/// \file
/// Reading and writing of pictures. A picture in memory is a contiguous uint8 tensor [3, H, W], sRGB, on the
/// CPU. Misuse by the caller (another shape or type) throws std::invalid_argument.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "torch.hpp"

namespace dvar::data {

/// Pictures with more pixels than this are refused before they are decoded: 100 megapixels are 300 MB of
/// RGB, and no training picture needs them, while a forged header costs an attacker nothing.
inline constexpr std::int64_t largest_picture = 100'000'000;

/// Reads a JPEG, PNG or WebP file (told apart by content, not by name; of an animation the first frame).
///
/// The EXIF orientation is applied, transparency is composited on white, greyscale, CMYK and 16-bit
/// pictures become 8-bit RGB. Colour profiles of RGB pictures are ignored, as Pillow's `convert("RGB")`
/// does; those of CMYK pictures are used.
/// \returns uint8 [3, H, W]
/// \throws dvar::input_error naming the file and the reason: it cannot be opened, is none of the formats,
/// is truncated or broken, or has more than `largest_picture` pixels.
at::Tensor read_image(const std::filesystem::path& file);

/// Reads a picture of greys, as masks are: the same formats and errors, and the EXIF orientation is applied.
/// \returns uint8 [1, H, W]
/// \throws dvar::input_error as above, and for a picture with colours, or with a pixel that is not opaque: what such a
/// one means is not said by its grey.
at::Tensor read_grey(const std::filesystem::path& file);

/// The picture as the bytes of a PNG file. \param image uint8 [3, H, W]
std::string encode_png(const at::Tensor& image);

/// Writes a PNG file, atomically: under a temporary name, then renamed. \param image uint8 [3, H, W]
/// \throws dvar::input_error if the file cannot be written.
void write_png(const std::filesystem::path& file, const at::Tensor& image);

/// Pictures of one size side by side on white, filled row by row.
/// \param images each uint8 [3, H, W]; at least one
/// \param columns pictures in a row, at least 1
/// \param padding white pixels between neighbours (none at the rim)
/// \returns uint8 [3, rows * H + (rows - 1) * padding, c * W + (c - 1) * padding] with c = min(columns,
/// pictures)
at::Tensor image_grid(const std::vector<at::Tensor>& images, std::int64_t columns, std::int64_t padding = 2);

}  // namespace dvar::data
