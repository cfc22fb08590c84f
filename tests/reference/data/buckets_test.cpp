#include "data/buckets.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include <gmock/gmock.h>

#include "data/concept_dataset.hpp"
#include "data/transform.hpp"
#include "error.hpp"
#include "picture_files.hpp"

namespace dvar::data {
namespace {

using testing::Contains;
using testing::ElementsAre;

TEST(buckets_test, are_those_of_the_published_models) {
  // Networks that need multiples of 64 and of 32.
  for (const auto& [size, least] : {std::pair<std::int64_t, std::int64_t>{512, 64}, {768, 64}, {1024, 32}}) {
    const std::vector<bucket_size> sizes = bucket_sizes(size, least);
    EXPECT_EQ(sizes.front(), (bucket_size{size, size}));
    for (const bucket_size& each : sizes) {
      EXPECT_EQ(each.height % 64, 0);
      EXPECT_EQ(each.width % 64, 0);
      EXPECT_LE(each.height * each.width, size * size);
      EXPECT_GE(2 * std::min(each.height, each.width), size);
      EXPECT_LE(std::max(each.height, each.width), 2 * size);
      EXPECT_THAT(sizes, Contains(bucket_size{each.width, each.height}));
      EXPECT_EQ(std::ranges::count(sizes, each), 1);
    }
  }
  // Podell et al., arXiv 2307.01952, appendix I, has these among others.
  for (const bucket_size& each :
       {bucket_size{832, 1216}, bucket_size{768, 1344}, bucket_size{1216, 832}, bucket_size{512, 2048}})
    EXPECT_THAT(bucket_sizes(1024, 32), Contains(each));
  EXPECT_THAT(bucket_sizes(512, 64), Contains(bucket_size{640, 384}));
  EXPECT_THROW((void)bucket_sizes(100, 64), std::invalid_argument);
}

TEST(buckets_test, a_picture_takes_the_nearest) {
  const std::vector<bucket_size> sizes{{64, 64}, {48, 80}, {80, 48}};
  EXPECT_EQ(nearest_bucket(sizes, 700, 700), 0);
  EXPECT_EQ(nearest_bucket(sizes, 700, 800), 0);
  EXPECT_EQ(nearest_bucket(sizes, 700, 1000), 1);
  EXPECT_EQ(nearest_bucket(sizes, 9000, 10), 2);
  // As far from the square as from the other: sqrt(80 / 48) wide.
  EXPECT_EQ(nearest_bucket({{48, 48}, {48, 48}}, 5, 9), 0);
}

TEST(buckets_test, say_what_share_of_a_picture_they_show) {
  EXPECT_DOUBLE_EQ(kept_share({.height = 64, .width = 64}, 100, 100), 1.0);
  EXPECT_DOUBLE_EQ(kept_share({.height = 64, .width = 64}, 50, 200), 0.25);
  EXPECT_DOUBLE_EQ(kept_share({.height = 96, .width = 48}, 100, 100), 0.5);
}

TEST(buckets_test, a_picture_of_which_most_would_be_cut_off_is_refused) {
  const std::filesystem::path folder = std::filesystem::path{testing::TempDir()} / "narrow";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  write_png(folder / "tall.png", noise(200, 90));
  const auto open = [&](const bucket_size& size) {
    return concept_dataset{{.images_dir = folder, .size = 64, .buckets = {size}}};
  };
  EXPECT_EQ(open({.height = 80, .width = 64}).size(), 1);
  EXPECT_THAT([&] { open({.height = 64, .width = 64}); },
              testing::ThrowsMessage<input_error>(testing::AllOf(testing::HasSubstr("tall.png"),
                                                                 testing::HasSubstr("90 x 200"),
                                                                 testing::HasSubstr("64x64, shows 45 %"))));
}

TEST(buckets_test, nothing_is_distorted) {
  const auto check = [](const bucket_size& size, std::int64_t height, std::int64_t width) {
    const covering how = cover(size, height, width);
    EXPECT_TRUE(how.resized.height == size.height || how.resized.width == size.width);
    EXPECT_GE(how.resized.height, size.height);
    EXPECT_GE(how.resized.width, size.width);
    // The aspect is the picture's but for the rounding of one edge.
    const double exact = how.resized.width == size.width
                             ? static_cast<double>(height * size.width) / static_cast<double>(width)
                             : static_cast<double>(width * size.height) / static_cast<double>(height);
    EXPECT_NEAR(static_cast<double>(how.resized.width == size.width ? how.resized.height : how.resized.width),
                exact, 1.0);
    EXPECT_EQ(how.top, (how.resized.height - size.height) / 2);
    EXPECT_EQ(how.left, (how.resized.width - size.width) / 2);
  };
  for (const bucket_size& size : {bucket_size{64, 64}, bucket_size{48, 80}, bucket_size{80, 48}})
    for (const auto& [height, width] :
         {std::pair<std::int64_t, std::int64_t>{48, 80}, {7, 900}, {641, 479}, {1, 1}})
      check(size, height, width);
  const at::Tensor picture = noise(31, 57);
  EXPECT_TRUE(at::equal(covering_part(picture, {16, 16}), resize_to(picture, 16, 29).narrow(2, 6, 16)));
  EXPECT_TRUE(at::equal(covering_part(picture, {31, 57}), picture));
}

TEST(buckets_test, a_data_set_draws_pictures_of_one_shape) {
  const std::filesystem::path folder = fresh_folder();
  write_png(folder / "a.png", noise(48, 80));
  write_png(folder / "b.png", noise(64, 64));
  write_png(folder / "c.png", noise(100, 160));
  write_png(folder / "d.png", noise(90, 50));
  const concept_dataset set{{.images_dir = folder, .size = 64, .buckets = bucket_sizes(64, 16)}};
  ASSERT_EQ(set.buckets().size(), 3);
  EXPECT_THAT(set.buckets()[0].pictures, ElementsAre(0, 2));
  EXPECT_THAT(set.buckets()[1].pictures, ElementsAre(1));
  EXPECT_THAT(set.buckets()[2].pictures, ElementsAre(3));
  EXPECT_EQ(set.buckets()[0].images.sizes(), (std::vector<std::int64_t>{2, 3, 48, 80}));
  EXPECT_EQ(set.buckets()[2].images.sizes(), (std::vector<std::int64_t>{1, 3, 80, 48}));
  EXPECT_EQ(set.images().sizes(), (std::vector<std::int64_t>{4, 3, 64, 64}));
  EXPECT_TRUE(at::equal(to_bytes(set.buckets()[0].images[0]), noise(48, 80)));
  EXPECT_EQ(set.sizes()[2].kept, (bucket_size{48, 80}));
  EXPECT_EQ(set.bucket_of(3), 2);
  std::mt19937_64 random{2};
  std::vector<int> drawn(4);
  constexpr int batches = 20'000;
  for (int i = 0; i < batches; ++i) {
    const concept_batch batch = set.draw(3, random);
    for (const std::int64_t picture : batch.images) {
      EXPECT_EQ(set.bucket_of(picture), set.bucket_of(batch.images.front()));
      ++drawn[static_cast<std::size_t>(picture)];
    }
  }
  // Each of four is as likely as any other. The three of a batch hang together: their count varies as 9 batches / 4 x 3 / 4 at most.
  for (const int count : drawn)
    EXPECT_NEAR(count, 3 * batches / 4, 6 * std::sqrt(9.0 * batches * 3.0 / 16.0));
  EXPECT_THROW((concept_dataset{
                   {.images_dir = folder, .size = 64, .center_crop = true, .buckets = bucket_sizes(64, 16)}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace dvar::data
