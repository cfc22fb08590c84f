#include "data/picture_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vips/vips8>

#include "data/image.hpp"
#include "picture_files.hpp"

namespace dvar::data {
namespace {

using namespace std::string_view_literals;

TEST(picture_format_test, is_told_by_the_first_bytes) {
  EXPECT_EQ(format_of("\0\0\0\x18\x66typheic"sv), picture_format::heif);
  EXPECT_EQ(format_of("\0\0\0\x1c\x66typavif"sv), picture_format::heif);
  EXPECT_EQ(format_of("\0\0\0\x14\x66typqt  "sv), picture_format::none) << "a film";
  EXPECT_EQ(format_of("BMW is a car"sv), picture_format::none);
  EXPECT_EQ(format_of("RIFF....WAVE"sv), picture_format::none);
  EXPECT_EQ(format_of(""sv), picture_format::none);
}

/// Returns whether libvips can write such a file, as it can read it where it can.
bool save(const std::filesystem::path& file, const at::Tensor& picture) {
  write_png(file.string() + ".png", picture);
  try {
    vips::VImage::new_from_file((file.string() + ".png").c_str()).write_to_file(file.c_str());
    return true;
  } catch (const vips::VError&) {
    vips_error_clear();
    return false;
  }
}

TEST(picture_format_test, all_that_libvips_reads_is_read) {
  const std::filesystem::path folder = fresh_folder();
  const at::Tensor picture = red_and_blue(32, 48);
  for (const auto& [name, format] :
       {std::pair{"a.tiff", picture_format::tiff}, std::pair{"a.gif", picture_format::gif},
        std::pair{"a.bmp", picture_format::bmp}, std::pair{"a.heic", picture_format::heif},
        std::pair{"a.avif", picture_format::heif}, std::pair{"a.jp2", picture_format::jp2},
        std::pair{"a.jxl", picture_format::jxl}, std::pair{"a.webp", picture_format::webp},
        std::pair{"a.jpg", picture_format::jpeg}}) {
    if (!save(folder / name, picture)) continue;
    EXPECT_EQ(format_of(folder / name), format) << name;
    const at::Tensor read = read_image(folder / name);
    ASSERT_EQ(read.sizes(), picture.sizes()) << name;
    // The middle of each half: codecs that lose something lose it at edges.
    for (const std::int64_t x : {12, 36})
      EXPECT_LE((read.select(2, x).to(at::kInt) - picture.select(2, x).to(at::kInt)).abs().max().item<int>(),
                8)
          << name;
  }
}

}  // namespace
}  // namespace dvar::data
