#include "data/image.hpp"

#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vips/vips8>

#include "error.hpp"
#include "picture_files.hpp"

namespace dvar::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using vips::VImage;

VImage to_vips(const at::Tensor& image) {
  const at::Tensor pixels = image.permute({1, 2, 0}).contiguous();
  return VImage::new_from_memory(pixels.data_ptr(), static_cast<std::size_t>(pixels.numel()),
                                 static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(0)),
                                 static_cast<int>(pixels.size(2)), VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
      .copy_memory();
}

std::int64_t largest_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return 256;
  return (a.to(at::kInt) - b.to(at::kInt)).abs().max().item<std::int64_t>();
}

class image_test : public testing::Test {
 protected:
  std::filesystem::path folder_ = fresh_folder();

  static void SetUpTestSuite() { ASSERT_EQ(vips_init("test_data"), 0); }
};

TEST_F(image_test, png_returns_what_was_written) {
  const at::Tensor written = noise(13, 7);
  write_png(folder_ / "noise.png", written);
  const at::Tensor read = read_image(folder_ / "noise.png");
  EXPECT_EQ(read.scalar_type(), at::kByte);
  EXPECT_TRUE(read.is_contiguous());
  EXPECT_TRUE(at::equal(read, written));
}

TEST_F(image_test, encoded_bytes_are_the_file) {
  write_png(folder_ / "a.png", red_and_blue(4, 6));
  EXPECT_EQ(read_bytes(folder_ / "a.png"), encode_png(red_and_blue(4, 6)));
}

TEST_F(image_test, one_pixel) {
  at::Tensor pixel = at::tensor({10, 20, 30}, at::kByte).view({3, 1, 1});
  write_png(folder_ / "pixel.png", pixel);
  EXPECT_TRUE(at::equal(read_image(folder_ / "pixel.png"), pixel));
}

TEST_F(image_test, the_name_may_be_anything) {
  // libvips would take what stands in brackets for options of the loader.
  write_png(folder_ / "läufer [shrink=2].txt", red_and_blue(4, 6));
  EXPECT_TRUE(at::equal(read_image(folder_ / "läufer [shrink=2].txt"), red_and_blue(4, 6)));
}

TEST_F(image_test, jpeg_in_colors) {
  to_vips(red_and_blue(16, 32)).jpegsave((folder_ / "a.jpg").c_str(), VImage::option()->set("Q", 95));
  EXPECT_LE(
      largest_difference(read_image(folder_ / "a.jpg").narrow(2, 0, 8), red_and_blue(16, 32).narrow(2, 0, 8)),
      4);
}

TEST_F(image_test, exif_orientation_is_applied) {
  // 6: the camera was turned; the stored picture has to be turned a quarter to the right. Left becomes top.
  VImage stored = to_vips(red_and_blue(16, 32));
  stored.set("orientation", 6);
  stored.jpegsave((folder_ / "turned.jpg").c_str(), VImage::option()->set("Q", 95));
  const at::Tensor upright = red_and_blue(16, 32).rot90(-1, {1, 2});
  const at::Tensor read = read_image(folder_ / "turned.jpg");
  ASSERT_EQ(read.sizes(), (std::vector<std::int64_t>{3, 32, 16}));
  EXPECT_LE(largest_difference(read.narrow(1, 0, 8), upright.narrow(1, 0, 8)), 4);
}

TEST_F(image_test, transparency_is_composited_on_white) {
  at::Tensor rgba = at::zeros({4, 1, 3}, at::kByte);  // black
  rgba[3][0][1] = 51;                                 // a fifth covered: 255 * 0.8 = 204
  rgba[3][0][2] = 255;
  to_vips(rgba).pngsave((folder_ / "alpha.png").c_str());
  const at::Tensor read = read_image(folder_ / "alpha.png");
  EXPECT_EQ(read[0][0][0].item<int>(), 255);
  EXPECT_NEAR(read[1][0][1].item<int>(), 204, 1);
  EXPECT_EQ(read[2][0][2].item<int>(), 0);
}

TEST_F(image_test, webp_with_transparency) {
  at::Tensor rgba = at::full({4, 8, 8}, 40, at::kByte);
  rgba[3].fill_(0);
  to_vips(rgba).webpsave((folder_ / "clear.webp").c_str(), VImage::option()->set("lossless", true));
  EXPECT_TRUE(at::equal(read_image(folder_ / "clear.webp"), at::full({3, 8, 8}, 255, at::kByte)));
}

TEST_F(image_test, webp_lossless_returns_what_was_written) {
  to_vips(noise(9, 5)).webpsave((folder_ / "noise.webp").c_str(), VImage::option()->set("lossless", true));
  EXPECT_TRUE(at::equal(read_image(folder_ / "noise.webp"), noise(9, 5)));
}

TEST_F(image_test, grayscale_becomes_three_equal_channels) {
  const at::Tensor gray = noise(5, 4)[0].unsqueeze(0);
  to_vips(gray)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_B_W))
      .pngsave((folder_ / "gray.png").c_str());
  EXPECT_TRUE(at::equal(read_image(folder_ / "gray.png"), gray.expand({3, 5, 4})));
}

TEST_F(image_test, sixteen_bits_keep_their_upper_eight) {
  to_vips(noise(5, 4))
      .cast(VIPS_FORMAT_USHORT)
      .linear(257, 0)
      .cast(VIPS_FORMAT_USHORT)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_RGB16))
      .pngsave((folder_ / "deep.png").c_str());
  ASSERT_EQ(read_bytes(folder_ / "deep.png")[24], 16) << "the test means to write 16 bits a channel";
  EXPECT_TRUE(at::equal(read_image(folder_ / "deep.png"), noise(5, 4)));
}

TEST_F(image_test, sixteen_bit_transparency_is_composited_on_white) {
  at::Tensor rgba = at::zeros({4, 1, 2}, at::kByte);
  rgba[3][0][1] = 255;
  to_vips(rgba)
      .cast(VIPS_FORMAT_USHORT)
      .linear(257, 0)
      .cast(VIPS_FORMAT_USHORT)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_RGB16))
      .pngsave((folder_ / "deep.png").c_str());
  ASSERT_EQ(read_bytes(folder_ / "deep.png")[24], 16) << "the test means to write 16 bits a channel";
  const at::Tensor read = read_image(folder_ / "deep.png");
  EXPECT_EQ(read[0][0][0].item<int>(), 255);
  EXPECT_EQ(read[0][0][1].item<int>(), 0);
}

TEST_F(image_test, cmyk_becomes_rgb) {
  // Cyan alone: hardly any red, much green and blue, whatever the profile.
  at::Tensor inks = at::zeros({4, 16, 16}, at::kByte);
  inks[0].fill_(255);
  to_vips(inks)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_CMYK))
      .jpegsave((folder_ / "inks.jpg").c_str(), VImage::option()->set("Q", 95));
  const at::Tensor read = read_image(folder_ / "inks.jpg");
  ASSERT_EQ(read.sizes(), (std::vector<std::int64_t>{3, 16, 16}));
  EXPECT_LT(read[0][8][8].item<int>(), 60);
  EXPECT_GT(read[1][8][8].item<int>(), 120);
  EXPECT_GT(read[2][8][8].item<int>(), 180);
}

TEST_F(image_test, truncated_files_are_refused_at_any_length) {
  const at::Tensor picture = noise(64, 64);
  to_vips(picture).pngsave((folder_ / "whole.png").c_str());
  to_vips(picture).jpegsave((folder_ / "whole.jpg").c_str());
  to_vips(picture).webpsave((folder_ / "whole.webp").c_str());
  for (const char* const kind : {"png", "jpg", "webp"}) {
    const std::string bytes = read_bytes(folder_ / (std::string{"whole."} + kind));
    const std::filesystem::path part = folder_ / (std::string{"part."} + kind);
    for (const double share : {0.01, 0.2, 0.5, 0.9}) {
      write_bytes(part, std::string_view{bytes}.substr(
                            0, static_cast<std::size_t>(share * static_cast<double>(bytes.size()))));
      const std::string message = message_of([&] { read_image(part); });
      EXPECT_THAT(message, AllOf(HasSubstr(part.string()), Not(HasSubstr("\n")))) << share;
    }
  }
}

TEST_F(image_test, a_flipped_bit_in_a_png_is_refused) {
  write_png(folder_ / "a.png", noise(64, 64));
  std::string bytes = read_bytes(folder_ / "a.png");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
  write_bytes(folder_ / "a.png", bytes);
  EXPECT_THAT(message_of([&] { read_image(folder_ / "a.png"); }), HasSubstr((folder_ / "a.png").string()));
}

TEST_F(image_test, other_content_is_refused) {
  write_bytes(folder_ / "text.png", "not a picture, whatever its name says");
  EXPECT_THAT(message_of([&] { read_image(folder_ / "text.png"); }),
              testing::AllOf(HasSubstr("cannot read the picture " + (folder_ / "text.png").string()),
                             HasSubstr(": expected one of JPEG, PNG, WebP"),
                             HasSubstr("its content is none of them")));
  write_bytes(folder_ / "empty.png", "");
  EXPECT_THAT(message_of([&] { read_image(folder_ / "empty.png"); }), HasSubstr("the file is empty"));
  EXPECT_THAT(message_of([&] { read_image(folder_ / "missing.png"); }), HasSubstr("No such file"));
  EXPECT_THAT(message_of([&] { read_image(folder_); }), HasSubstr("it is a folder"));
}

TEST_F(image_test, a_forged_size_is_refused_before_decoding) {
  // A whole PNG header that claims 20000 x 20000 pixels; the checksum was made by python3 -c "import
  // zlib,struct; print(hex(zlib.crc32(b'IHDR'+struct.pack('>IIBBBBB',20000,20000,8,2,0,0,0))))"
  std::string bytes = encode_png(red_and_blue(4, 4));
  const std::string forged{"IHDR\x00\x00\x4e\x20\x00\x00\x4e\x20\x08\x02\x00\x00\x00\x6c\x12\xd1\x6e", 21};
  bytes.replace(12, forged.size(), forged);
  write_bytes(folder_ / "forged.png", bytes);
  EXPECT_THAT(message_of([&] { read_image(folder_ / "forged.png"); }), HasSubstr("20000 x 20000 pixels"));
}

TEST_F(image_test, unwritable_file_leaves_nothing) {
  EXPECT_THAT(message_of([&] { write_png(folder_ / "no" / "a.png", red_and_blue(2, 2)); }),
              HasSubstr("a.png"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(image_test, misuse_is_refused) {
  EXPECT_THROW(encode_png(at::zeros({1, 2, 2}, at::kByte)), std::invalid_argument);
  EXPECT_THROW(encode_png(at::zeros({3, 2, 2}, at::kFloat)), std::invalid_argument);
  EXPECT_THROW(encode_png(at::zeros({3, 0, 2}, at::kByte)), std::invalid_argument);
  EXPECT_THROW(image_grid({}, 2), std::invalid_argument);
  EXPECT_THROW(image_grid({red_and_blue(2, 2)}, 0), std::invalid_argument);
  EXPECT_THROW(image_grid({red_and_blue(2, 2), red_and_blue(2, 4)}, 2), std::invalid_argument);
}

TEST_F(image_test, grid_fills_row_by_row) {
  const std::vector<at::Tensor> pictures{at::full({3, 2, 2}, 10, at::kByte),
                                         at::full({3, 2, 2}, 20, at::kByte),
                                         at::full({3, 2, 2}, 30, at::kByte)};
  const at::Tensor grid = image_grid(pictures, 2, 1);
  ASSERT_EQ(grid.sizes(), (std::vector<std::int64_t>{3, 5, 5}));
  const at::Tensor expected = at::tensor({10,  10,  255, 20,  20,   //
                                          10,  10,  255, 20,  20,   //
                                          255, 255, 255, 255, 255,  //
                                          30,  30,  255, 255, 255,  //
                                          30,  30,  255, 255, 255},
                                         at::kByte)
                                  .view({5, 5});
  for (int channel = 0; channel < 3; ++channel)
    EXPECT_TRUE(at::equal(grid[channel], expected));
}

TEST_F(image_test, grid_of_fewer_pictures_than_columns_is_as_wide_as_they_are) {
  EXPECT_EQ(image_grid({red_and_blue(2, 2)}, 4, 3).sizes(), (std::vector<std::int64_t>{3, 2, 2}));
}

}  // namespace
}  // namespace dvar::data
