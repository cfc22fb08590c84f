#include "data/random_crops.hpp"

#include <map>
#include <stdexcept>

#include <gmock/gmock.h>

#include "data/concept_dataset.hpp"
#include "data/transform.hpp"
#include "picture_files.hpp"

namespace dvar::data {
namespace {

using testing::Pair;

TEST(random_crops_test, squares_lie_along_the_longer_edge) {
  random_crops crops{4};
  crops.add(noise(8, 21), {}, 0.0);
  crops.add(noise(9, 6), {}, 0.0);
  crops.add(noise(16, 16), {}, 0.0);
  EXPECT_EQ(crops.wholes()[0].sizes(), (std::vector<std::int64_t>{3, 4, 10}));
  EXPECT_EQ(crops.wholes()[1].sizes(), (std::vector<std::int64_t>{3, 6, 4}));
  EXPECT_TRUE(crops.masks().empty());
  EXPECT_EQ(crops.places(0), 7);
  EXPECT_EQ(crops.places(1), 3);
  EXPECT_EQ(crops.places(2), 1);
  EXPECT_TRUE(at::equal(crops.picture(0, 5), crops.wholes()[0].narrow(2, 5, 4)));
  EXPECT_TRUE(at::equal(crops.picture(1, 2), crops.wholes()[1].narrow(1, 2, 4)));
  EXPECT_THAT(crops.corner(0, 5, /*mirrored=*/false), Pair(0, 5));
  EXPECT_THAT(crops.corner(0, 5, /*mirrored=*/true), Pair(0, 1));
  EXPECT_THAT(crops.corner(1, 2, /*mirrored=*/true), Pair(2, 0));
  // In the mirror image of the whole it is the mirror image of the square.
  EXPECT_TRUE(at::equal(crops.wholes()[0].flip({2}).narrow(2, 1, 4), crops.picture(0, 5).flip({2})));
}

TEST(random_crops_test, every_place_is_as_likely_as_any_other) {
  random_crops crops{4};
  crops.add(noise(4, 9), {}, 0.0);
  std::mt19937_64 random{3};
  std::map<std::int64_t, int> drawn;
  constexpr int draws = 60'000;
  for (int i = 0; i < draws; ++i)
    ++drawn[crops.draw(0, random)];
  ASSERT_EQ(drawn.size(), 6);
  // Six standard deviations of a binomial count.
  for (const auto& [place, count] : drawn)
    EXPECT_NEAR(count, draws / 6, 6 * std::sqrt(draws * 5.0 / 36.0)) << place;
}

TEST(random_crops_test, a_square_without_any_of_the_mask_is_not_drawn) {
  at::Tensor mask = at::zeros({1, 4, 12}, at::kByte);
  mask.narrow(2, 0, 2).fill_(255);
  random_crops crops{4};
  crops.add(noise(4, 12), mask, 0.0);
  EXPECT_EQ(crops.places(0), 2);
  std::mt19937_64 random{1};
  for (int i = 0; i < 100; ++i)
    EXPECT_GT(crops.mask(0, crops.draw(0, random)).max().item<float>(), 0.0F);
  EXPECT_TRUE(at::equal(crops.mask(0, 1), at::tensor({1.0F, 0.0F, 0.0F, 0.0F}).expand({1, 4, 4})));
  // With a background that weighs something, every square has something that counts.
  random_crops all{4};
  all.add(noise(4, 12), mask, 0.25);
  EXPECT_EQ(all.places(0), 9);
  EXPECT_TRUE(at::equal(all.mask(0, 1), at::tensor({1.0F, 0.25F, 0.25F, 0.25F}).expand({1, 4, 4})));
}

TEST(random_crops_test, a_data_set_keeps_the_centered_square_and_draws_others) {
  const std::filesystem::path folder = fresh_folder();
  write_png(folder / "a.png", noise(8, 20));
  write_png(folder / "b.png", noise(30, 10));
  const concept_dataset centered{{.images_dir = folder, .size = 8, .center_crop = true}};
  const concept_dataset crops{{.images_dir = folder, .size = 8, .random_crop = true}};
  EXPECT_TRUE(at::equal(crops.images(), centered.images()));
  EXPECT_EQ(centered.crops(), nullptr);
  ASSERT_NE(crops.crops(), nullptr);
  EXPECT_EQ(crops.sizes()[0].left, centered.sizes()[0].left);
  std::mt19937_64 first{5}, second{5};
  const concept_batch batch = crops.draw(50, first);
  EXPECT_EQ(batch.begins.size(), 50);
  EXPECT_EQ(batch.begins, crops.draw(50, second).begins);
  EXPECT_TRUE(centered.draw(50, first).begins.empty());
  const picture_sizes sizes = crops.sizes_of_crop(0, 3, /*mirrored=*/true);
  EXPECT_EQ(std::tuple(sizes.height, sizes.width, sizes.top, sizes.left), std::tuple(8, 20, 0, 9));
  EXPECT_EQ(crops.sizes_of_crop(1, 3, /*mirrored=*/false).top, 3);
  EXPECT_THROW((concept_dataset{{.images_dir = folder, .size = 8, .center_crop = true, .random_crop = true}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace dvar::data
