#include "data/image.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <glib.h>
#include <vips/vips8>

#include "data/picture_format.hpp"
#include "error.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::data {
namespace {

using vips::VImage;

/// Holds the last warning of libvips in this thread: some loaders say there alone why they fail.
thread_local std::string last_warning;

/// Starts libvips at the first picture, so that runs without pictures do not pay for it.
void start_vips() {
  static const bool started = [] {
    // libvips warns through GLib on stderr; what matters reaches us as an error.
    g_log_set_handler(
        "VIPS", static_cast<GLogLevelFlags>(G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO),
        [](const gchar*, GLogLevelFlags, const gchar* message, gpointer) { last_warning = message; },
        nullptr);
    if (vips_init("dvar") != 0) throw std::runtime_error{"libvips does not start"};
    vips_cache_set_max(0);
    vips_concurrency_set(1);
    return true;
  }();
  static_cast<void>(started);
}

/// Returns the last error of libvips in one line, and empties its buffer.
std::string take_error() {
  std::string message = vips_error_buffer();
  vips_error_clear();
  while (!message.empty() && (message.back() == '\n' || message.back() == ' '))
    message.pop_back();
  for (std::size_t at; (at = message.find('\n')) != std::string::npos;)
    message.replace(at, 1, "; ");
  if (message.empty()) message = std::exchange(last_warning, {});
  return message.empty() ? "it is damaged" : message;
}

/// Names the loader of libvips for a format, and what a libvips that lacks it was built without.
struct loader {
  const char* operation;
  const char* library;
};

loader loader_of(picture_format format) {
  switch (format) {
    case picture_format::jpeg:
      return {"jpegload", "libjpeg"};
    case picture_format::png:
      return {"pngload", "libpng"};
    case picture_format::webp:
      return {"webpload", "libwebp"};
    case picture_format::gif:
      return {"gifload", "libnsgif"};
    case picture_format::tiff:
      return {"tiffload", "libtiff"};
    case picture_format::bmp:
      return {"magickload", "ImageMagick"};
    case picture_format::heif:
      return {"heifload", "libheif"};
    case picture_format::jp2:
      return {"jp2kload", "OpenJPEG"};
    case picture_format::jxl:
      return {"jxlload", "libjxl"};
    case picture_format::none:
      break;
  }
  return {nullptr, nullptr};
}

/// Returns `JPEG, PNG, …`: the formats that the libvips of this machine reads.
std::string readable_formats() {
  std::string names;
  for (int i = 0; i < static_cast<int>(picture_format::none); ++i) {
    const auto format = static_cast<picture_format>(i);
    if (vips_type_find("VipsOperation", loader_of(format).operation) != 0)
      names.append(names.empty() ? "" : ", ").append(name_of(format));
  }
  return names;
}

/// Opens a file by the loader that it names instead of leaving the choice to libvips: of the dozens of
/// formats that it reads, through libraries of very different care, only these can be reached by a file
/// from elsewhere.
VImage open(const std::filesystem::path& file) {
  const picture_format format = format_of(file);
  if (format == picture_format::none) {
    throw input_error{
        fmt::format("cannot read the picture {}: expected one of {}, its content is none of them",
                    file.string(), readable_formats())};
  }
  const auto [operation, library] = loader_of(format);
  if (vips_type_find("VipsOperation", operation) == 0) {
    throw input_error{fmt::format(
        "cannot read the picture {}: it is {}, and the libvips of this machine was built without {}",
        file.string(), name_of(format), library)};
  }
  VImage image;
  VImage::call(operation, VImage::option()
                              ->set("filename", file.c_str())
                              ->set("out", &image)
                              ->set("access", VIPS_ACCESS_SEQUENTIAL)
                              ->set("fail_on", VIPS_FAIL_ON_ERROR));
  return image;
}

void expect_picture(const at::Tensor& image, const char* function) {
  if (!image.defined() || image.dim() != 3 || image.size(0) != 3 || image.scalar_type() != at::kByte ||
      image.numel() == 0) {
    throw std::invalid_argument{fmt::format("{}: expected a picture uint8 [3, H, W]", function)};
  }
}

/// Says what becomes of a picture's color profile.
enum class profile_use { convert, ignore };

/// Returns whether the picture has a color profile, and one of its own color model (ICC.1:2022, 7.2.8): libvips converts a
/// picture by any, and fails much later.
bool has_fitting_profile(const VImage& image) {
  if (image.get_typeof(VIPS_META_ICC_NAME) == 0) return false;
  std::size_t size = 0;
  const char* const profile = static_cast<const char*>(image.get_blob(VIPS_META_ICC_NAME, &size));
  constexpr std::size_t model_at = 16;
  if (size < model_at + 4) return false;
  const std::string_view model{profile + model_at, 4};
  const int bands = image.bands() - (image.has_alpha() ? 1 : 0);
  return (model == "RGB " && bands == 3) || (model == "GRAY" && bands == 1) ||
         (model == "CMYK" && bands == 4);
}

/// Returns the picture in sRGB with 8 bits a channel: by its color profile where it has one, as browsers show it.
VImage in_srgb(const VImage& image, profile_use profile) {
  if (profile == profile_use::convert && has_fitting_profile(image) && vips_icc_present() != 0) {
    try {
      return image.icc_transform("srgb", VImage::option()
                                             ->set("embedded", true)
                                             ->set("intent", VIPS_INTENT_RELATIVE)
                                             ->set("black_point_compensation", true));
    } catch (const vips::VError&) {
      vips_error_clear();  // a broken profile says nothing
    }
  }
  return image.colourspace(VIPS_INTERPRETATION_sRGB);
}

/// Decodes a file: upright, 8 bits a channel, sRGB with or without alpha.
VImage decode(const std::filesystem::path& file, profile_use profile) {
  VImage image = open(file);
  const std::int64_t pixels = std::int64_t{image.width()} * image.height();
  if (pixels > largest_picture) {
    throw input_error{
        fmt::format("cannot read the picture {}: it has {} x {} pixels, at most {} million are read",
                    file.string(), image.width(), image.height(), largest_picture / 1'000'000)};
  }
  // The decoder runs here, once; turning needs the pixels in any order.
  return in_srgb(image.copy_memory().autorot(), profile);
}

/// Returns the pixels of an image without alpha, uint8 [3, H, W].
at::Tensor pixels_of(const VImage& image, const std::filesystem::path& file) {
  if (image.bands() != 3) {
    throw input_error{fmt::format("cannot read the picture {}: expected 3 color channels, got {}",
                                  file.string(), image.bands())};
  }
  std::size_t bytes = 0;
  const VImage levels = image.cast(VIPS_FORMAT_UCHAR);
  const std::unique_ptr<void, decltype(&g_free)> memory{levels.write_to_memory(&bytes), &g_free};
  return at::from_blob(memory.get(), {levels.height(), levels.width(), 3}, at::kByte)
      .permute({2, 0, 1})
      .clone(at::MemoryFormat::Contiguous);
}

/// Returns what `read` makes of the decoded file.
template <class Read>
at::Tensor read_with(const std::filesystem::path& file, profile_use profile, Read read) {
  if (std::error_code ignored; std::filesystem::is_directory(file, ignored))
    throw input_error{fmt::format("cannot read the picture {}: it is a folder", file.string())};
  start_vips();
  last_warning.clear();
  try {
    return read(decode(file, profile));
  } catch (const vips::VError&) {
    throw input_error{fmt::format("cannot read the picture {}: {}", file.string(), take_error())};
  }
}

}  // namespace

at::Tensor read_image(const std::filesystem::path& file) {
  return read_with(file, profile_use::convert, [&](VImage image) {
    // In floating point, for whole levels would be cut, not rounded.
    if (image.has_alpha()) {
      image = image.cast(VIPS_FORMAT_FLOAT)
                  .flatten(VImage::option()
                               ->set("background", std::vector<double>{255, 255, 255})
                               ->set("max_alpha", 255.0))
                  .rint();
    }
    return pixels_of(image, file);
  });
}

at::Tensor read_gray(const std::filesystem::path& file) {
  // A mask is numbers, not light.
  return read_with(file, profile_use::ignore, [&](VImage image) {
    if (image.has_alpha()) {
      const int alpha = image.bands() - 1;
      if (image.extract_band(alpha).cast(VIPS_FORMAT_UCHAR).min() < 255.0) {
        throw input_error{fmt::format(
            "cannot read the mask {}: expected grays that are opaque, found transparency", file.string())};
      }
      image = image.extract_band(0, VImage::option()->set("n", alpha));
    }
    const at::Tensor pixels = pixels_of(image, file);
    if (!at::equal(pixels[0], pixels[1]) || !at::equal(pixels[0], pixels[2]))
      throw input_error{fmt::format("cannot read the mask {}: expected grays, found colors", file.string())};
    return pixels.narrow(0, 0, 1).contiguous();
  });
}

std::string encode_png(const at::Tensor& image) {
  expect_picture(image, "encode_png");
  start_vips();
  const at::Tensor pixels = image.to(at::kCPU).permute({1, 2, 0}).contiguous();
  try {
    const VipsBlob* blob =
        VImage::new_from_memory(pixels.data_ptr(), static_cast<std::size_t>(pixels.numel()),
                                static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(0)), 3,
                                VIPS_FORMAT_UCHAR)
            .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
            .pngsave_buffer(VImage::option()->set("strip", true));
    const std::unique_ptr<const VipsBlob, void (*)(const VipsBlob*)> owner{
        blob, [](const VipsBlob* b) { vips_area_unref(const_cast<VipsArea*>(&b->area)); }};
    const VipsArea& area = owner->area;
    return {static_cast<const char*>(area.data), area.length};
  } catch (const vips::VError&) {
    throw std::runtime_error{"encode_png: " + take_error()};
  }
}

void write_png(const std::filesystem::path& file, const at::Tensor& image,
               const std::vector<png_text>& texts) {
  weights::write_atomically(file, with_texts(encode_png(image), texts));
}

at::Tensor image_grid(const std::vector<at::Tensor>& images, std::int64_t columns, std::int64_t padding) {
  if (images.empty() || columns < 1 || padding < 0) {
    throw std::invalid_argument{
        fmt::format("image_grid: expected pictures, columns >= 1 and padding >= 0, got {}, {}, {}",
                    images.size(), columns, padding)};
  }
  const auto count = static_cast<std::int64_t>(images.size());
  const std::int64_t across = std::min(columns, count);
  const std::int64_t down = (count + across - 1) / across;
  expect_picture(images.front(), "image_grid");
  const std::int64_t height = images.front().size(1);
  const std::int64_t width = images.front().size(2);
  at::Tensor grid = at::full(
      {3, down * height + (down - 1) * padding, across * width + (across - 1) * padding}, 255, at::kByte);
  for (std::int64_t i = 0; i < count; ++i) {
    const at::Tensor& image = images[static_cast<std::size_t>(i)];
    expect_picture(image, "image_grid");
    if (image.size(1) != height || image.size(2) != width) {
      throw std::invalid_argument{
          fmt::format("image_grid: expected pictures of {} x {} pixels, got one of {} x {}", width, height,
                      image.size(2), image.size(1))};
    }
    grid.narrow(1, i / across * (height + padding), height)
        .narrow(2, i % across * (width + padding), width)
        .copy_(image);
  }
  return grid;
}

}  // namespace dvar::data
