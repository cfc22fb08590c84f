#include "training/rescaling.hpp"

#include <map>

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

constexpr std::int64_t draws = 20'000;

TEST(rescaling_test, edges_and_places_are_those_of_the_original) {
  std::mt19937_64 random{1};
  constexpr std::int64_t size = 512;
  std::int64_t small = 0;
  std::int64_t least = 10 * size;
  std::int64_t most = 0;
  for (std::int64_t i = 0; i < draws; ++i) {
    const rescaling how = draw_rescaling(size, /*factor=*/8, random);
    small += how.edge <= size ? 1 : 0;
    EXPECT_TRUE(how.edge <= size ? how.edge >= 170 : how.edge >= 614 && how.edge < 716) << how.edge;
    const std::int64_t room = std::abs(how.edge - size);
    EXPECT_TRUE(how.top >= 0 && how.top <= room && how.left >= 0 && how.left <= room);
    least = std::min(least, how.edge);
    most = std::max(most, how.edge);
  }
  EXPECT_NEAR(static_cast<double>(small) / static_cast<double>(draws), 0.66, 0.01);
  EXPECT_EQ(least, 170);
  EXPECT_EQ(most, 715);
}

TEST(rescaling_test, no_mask_is_empty) {
  std::mt19937_64 random{2};
  for (const auto& [size, factor] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {16, 2}, {64, 4}, {64, 8}, {32, 8}, {512, 8}, {16, 8}}) {
    for (std::int64_t i = 0; i < 2'000; ++i) {
      const rescaling how = draw_rescaling(size, factor, random);
      if (3 * factor <= size) EXPECT_GT(mask_of(how, size, factor).sum().item<double>(), 0.0) << size;
    }
  }
}

TEST(rescaling_test, a_small_picture_lies_in_an_empty_frame) {
  const at::Tensor white = torch::full({3, 16, 16}, 255, at::kByte);
  const at::Tensor frame = rescaled(white, {.edge = 8, .top = 2, .left = 5});
  EXPECT_EQ(frame.sum().item<double>(), 3 * 8 * 8);
  EXPECT_EQ(frame.narrow(1, 2, 8).narrow(2, 5, 8).sum().item<double>(), 3 * 8 * 8);
  const at::Tensor mask = mask_of({.edge = 8, .top = 2, .left = 5}, 16, 2);
  // Rows 2 to 9 are in latents 1 to 4, columns 5 to 12 in 2 to 6: without those at the edges 2 and 3, 3 and 4.
  EXPECT_EQ(mask.sum().item<double>(), 4);
  EXPECT_EQ(mask.narrow(1, 2, 2).narrow(2, 3, 2).sum().item<double>(), 4);
}

TEST(rescaling_test, a_large_picture_fills_the_frame) {
  at::Tensor halves = torch::zeros({3, 16, 16}, at::kByte);
  halves.narrow(2, 8, 8).fill_(255);
  const at::Tensor left = rescaled(halves, {.edge = 32, .top = 0, .left = 0});
  const at::Tensor right = rescaled(halves, {.edge = 32, .top = 16, .left = 16});
  EXPECT_EQ(left.narrow(2, 0, 12).max().item<double>(), -1.0);
  EXPECT_EQ(right.narrow(2, 4, 12).min().item<double>(), 1.0);
  EXPECT_EQ(mask_of({.edge = 32, .top = 16, .left = 16}, 16, 2).min().item<double>(), 1.0);
}

TEST(rescaling_test, a_picture_of_the_frames_size_stays_as_it_is) {
  at::manual_seed(3);
  const at::Tensor picture = torch::randint(256, {3, 16, 16}, at::kByte);
  const at::Tensor same = rescaled(picture, {.edge = 16, .top = 0, .left = 0});
  EXPECT_TRUE(at::allclose(same, picture.to(at::kFloat) / 127.5 - 1));
}

TEST(rescaling_test, words_are_of_the_size) {
  std::mt19937_64 random{4};
  const auto said_of = [&](std::int64_t edge) {
    std::map<std::int64_t, int> counts;
    for (int i = 0; i < 1'000; ++i)
      ++counts[draw_size_words({.edge = edge, .top = 0, .left = 0}, 64, random)];
    return counts;
  };
  for (const std::int64_t edge : {21, 38}) {
    const auto counts = said_of(edge);
    EXPECT_EQ(counts.size(), 2U);
    EXPECT_NEAR(counts.at(0), 500, 80);
    EXPECT_NEAR(counts.at(1), 500, 80);
  }
  for (const std::int64_t edge : {39, 64})
    EXPECT_EQ(said_of(edge), (std::map<std::int64_t, int>{{-1, 1'000}}));
  EXPECT_EQ(said_of(77).count(2) + said_of(77).count(3), 2U);
}

TEST(rescaling_test, words_stand_in_front_of_the_prompt) {
  EXPECT_EQ(with_size_words("a far away ", "a photo of a {}"), "a far away photo of a {}");
  EXPECT_EQ(with_size_words("zoomed in ", "the photo of a {}"), "zoomed in photo of a {}");
  EXPECT_EQ(with_size_words("close up ", "an image"), "close up image");
  EXPECT_EQ(with_size_words("very small ", "{}, alone"), "very small {}, alone");
}

}  // namespace
}  // namespace dvar::training
