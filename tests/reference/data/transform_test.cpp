#include "data/transform.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "picture_files.hpp"

namespace dvar::data {
namespace {

std::vector<int> first_row(const at::Tensor& image, std::int64_t channel) {
  const at::Tensor row = to_bytes(image)[channel][0];
  std::vector<int> levels;
  for (std::int64_t i = 0; i < row.size(0); ++i)
    levels.push_back(row[i].item<int>());
  return levels;
}

TEST(transform_test, same_size_only_changes_the_numbers) {
  const at::Tensor picture = noise(8, 8);
  const at::Tensor result = resize_and_crop(picture, 8, false);
  EXPECT_EQ(result.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(result, picture.to(at::kFloat).div(127.5).sub(1)));
  EXPECT_TRUE(at::equal(to_bytes(result), picture));
}

// from PIL import Image; import numpy as np
// a = np.zeros((1, 8, 3), np.uint8); a[0, :, 0] = [0, 0, 255, 255, 0, 255, 0, 0]
// print(np.array(Image.fromarray(a).resize((4, 4), Image.BICUBIC))[0, :, 0])   (Pillow 13.0.0)
TEST(transform_test, shrinks_as_pillow) {
  at::Tensor picture = at::zeros({3, 1, 8}, at::kByte);
  picture[0][0] = at::tensor({0, 0, 255, 255, 0, 255, 0, 0}, at::kByte);
  EXPECT_EQ(first_row(resize_and_crop(picture, 4, false), 0), (std::vector<int>{21, 210, 129, 28}));
}

// a = np.zeros((1, 2, 3), np.uint8); a[0, :, 0] = [40, 200]
// print(np.array(Image.fromarray(a).resize((6, 6), Image.BICUBIC))[0, :, 0])
TEST(transform_test, enlarges_as_pillow) {
  at::Tensor picture = at::zeros({3, 1, 2}, at::kByte);
  picture[0][0] = at::tensor({40, 200}, at::kByte);
  EXPECT_EQ(first_row(resize_and_crop(picture, 6, false), 0), (std::vector<int>{23, 40, 88, 152, 200, 217}));
}

TEST(transform_test, one_pixel_fills_the_square) {
  const at::Tensor pixel = at::tensor({10, 20, 30}, at::kByte).view({3, 1, 1});
  for (const bool center_crop : {false, true})
    EXPECT_TRUE(at::equal(to_bytes(resize_and_crop(pixel, 16, center_crop)), pixel.expand({3, 16, 16})));
}

TEST(transform_test, crop_takes_the_centered_square) {
  // 3 high, 8 wide: columns 2, 3 and 4, as (8 - 3) // 2 = 2.
  const at::Tensor picture = noise(3, 8);
  EXPECT_TRUE(at::equal(to_bytes(resize_and_crop(picture, 3, true)), picture.narrow(2, 2, 3)));
  const at::Tensor tall = noise(8, 3);
  EXPECT_TRUE(at::equal(to_bytes(resize_and_crop(tall, 3, true)), tall.narrow(1, 2, 3)));
}

TEST(transform_test, without_crop_the_whole_picture_is_squeezed) {
  const at::Tensor result = to_bytes(resize_and_crop(red_and_blue(10, 40), 20, false));
  EXPECT_EQ(result[0][10][0].item<int>(), 255);
  EXPECT_EQ(result[2][10][19].item<int>(), 255);
}

TEST(transform_test, bytes_are_the_nearest_and_clamped) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor values = at::tensor({-2.0F, -1.0F, -0.999F, 0.0F, 1.0F, 7.0F, nan, infinity, -infinity});
  // 0 lies half way between 127 and 128; halves go to the even level.
  EXPECT_TRUE(at::equal(to_bytes(values), at::tensor({0, 0, 0, 128, 255, 255, 128, 255, 0}, at::kByte)));
  EXPECT_TRUE(at::equal(to_bytes(values.to(at::kDouble)), to_bytes(values)));
}

TEST(transform_test, every_level_returns) {
  const at::Tensor levels = at::arange(256).to(at::kByte);
  EXPECT_TRUE(at::equal(to_bytes(levels.to(at::kFloat).div(127.5).sub(1)), levels));
}

TEST(transform_test, channels_are_independent) {
  const at::Tensor image = noise(9, 7);
  const at::Tensor whole = resize_and_crop(image, 5, false);
  for (std::int64_t channel = 0; channel < 3; ++channel)
    EXPECT_TRUE(at::equal(resize_and_crop(image.narrow(0, channel, 1), 5, false)[0], whole[channel]));
}

TEST(transform_test, misuse_is_refused) {
  EXPECT_THROW(resize_and_crop(at::zeros({3, 4, 4}), 4, false), std::invalid_argument);
  EXPECT_THROW(resize_and_crop(at::zeros({4, 4}, at::kByte), 4, false), std::invalid_argument);
  EXPECT_THROW(resize_and_crop(noise(4, 4), 0, false), std::invalid_argument);
  EXPECT_THROW(to_bytes(noise(4, 4)), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::data
