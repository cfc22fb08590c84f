/// \file
/// Reads and writes pictures. A picture in memory is a contiguous uint8 tensor [3, H, W], sRGB, on the CPU.
/// Functions throw `std::invalid_argument` when the caller gives another shape or type.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/png_text.hpp"
#include "torch.hpp"

namespace dvar::data {

/// The most pixels of a picture; larger ones are refused before they are decoded. 100 megapixels are 300 MB
/// of RGB, and no training picture needs them, while a forged header costs an attacker nothing.
inline constexpr std::int64_t largest_picture = 100'000'000;

/// Reads a picture file of any `picture_format` that the libvips of the machine reads (told apart by content, not by name; of an
/// animation or several pages the first) as uint8 [3, H, W].
///
/// The EXIF orientation is applied, transparency is composited on white, grayscale, CMYK and 16-bit pictures
/// become 8-bit RGB. A picture with a color profile is converted to sRGB, relative colorimetric with black point compensation;
/// a broken profile counts as none. Throws `dvar::input_error` when the file cannot be opened, is none of the formats,
/// is truncated or broken, or has more than `largest_picture` pixels, and names the file and the reason.
at::Tensor read_image(const std::filesystem::path& file);

/// Reads a picture of grays, as masks are, as uint8 [1, H, W]: the same formats, and the EXIF orientation is
/// applied; a color profile is ignored. Throws `dvar::input_error` when `read_image` would, and when the picture has colors or a pixel
/// that is not opaque: what such a one means is not said by its gray.
at::Tensor read_gray(const std::filesystem::path& file);

/// Returns the picture, uint8 [3, H, W], as the bytes of a PNG file.
std::string encode_png(const at::Tensor& image);

/// Writes a picture, uint8 [3, H, W], as a PNG file with texts, atomically: under a temporary name, then renamed. Throws
/// `dvar::input_error` when the file cannot be written.
void write_png(const std::filesystem::path& file, const at::Tensor& image,
               const std::vector<png_text>& texts = {});

/// Puts pictures of one size, uint8 [3, H, W] and at least one, side by side on white, row by row: `columns`,
/// at least 1, in a row, with `padding` white pixels between neighbors (none at the rim). Returns uint8 [3,
/// rows * H + (rows - 1) * padding, c * W + (c - 1) * padding] with c = min(columns, pictures).
at::Tensor image_grid(const std::vector<at::Tensor>& images, std::int64_t columns, std::int64_t padding = 2);

}  // namespace dvar::data
