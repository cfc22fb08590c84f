/// \file
/// Tells the formats of pictures apart, by their first bytes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace dvar::data {

enum class picture_format { jpeg, png, webp, gif, tiff, bmp, heif, jp2, jxl, none };

/// Returns the name of a format as people write it: `JPEG`, `HEIC or AVIF`.
std::string_view name_of(picture_format format);

/// Returns the format whose files begin with these bytes; sixteen are enough.
picture_format format_of(std::string_view first_bytes);

/// Returns the format of a file's content. Throws `dvar::input_error` when the file cannot be opened or is empty.
picture_format format_of(const std::filesystem::path& file);

/// Returns whether a name ends as those of pictures do, be it one that can be read here or not: `.jpg`, `.HEIC`, `.svg`.
bool is_picture_name(const std::filesystem::path& file);

}  // namespace dvar::data
