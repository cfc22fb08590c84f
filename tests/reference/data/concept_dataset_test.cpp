#include "data/concept_dataset.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/transform.hpp"
#include "error.hpp"
#include "picture_files.hpp"

namespace dvar::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class concepts : public testing::Test {
 protected:
  std::filesystem::path folder_ = fresh_folder();

  concept_dataset three_pictures(double flip_probability = 0.5) {
    write_png(folder_ / "b.PNG", noise(8, 8, 1));
    write_png(folder_ / "a.jpeg", noise(4, 6, 2));  // a PNG by content: what counts is that it can be read
    write_png(folder_ / "C.webp", noise(8, 8, 3));
    return concept_dataset{
        {.images_dir = folder_, .size = 8, .flip_probability = flip_probability, .template_count = 5}};
  }
};

TEST_F(concepts, loads_pictures_in_the_order_of_their_names) {
  write_bytes(folder_ / "notes.txt", "not a picture");
  write_bytes(folder_ / ".hidden.png", "not read");
  std::filesystem::create_directory(folder_ / "folder.png");
  const concept_dataset set = three_pictures();
  EXPECT_EQ(set.size(), 3);
  EXPECT_THAT(set.paths(), ElementsAre(folder_ / "C.webp", folder_ / "a.jpeg", folder_ / "b.PNG"));
  ASSERT_EQ(set.images().sizes(), (std::vector<std::int64_t>{3, 3, 8, 8}));
  EXPECT_TRUE(at::equal(set.images()[0], resize_and_crop(noise(8, 8, 3), 8, false)));
  EXPECT_TRUE(at::equal(set.images()[1], resize_and_crop(noise(4, 6, 2), 8, false)));
  EXPECT_TRUE(at::equal(set.images()[2], resize_and_crop(noise(8, 8, 1), 8, false)));
}

TEST_F(concepts, crops_if_asked) {
  write_png(folder_ / "wide.png", noise(8, 20));
  const concept_dataset set{{.images_dir = folder_, .size = 8, .centre_crop = true}};
  EXPECT_TRUE(at::equal(to_bytes(set.images()[0]), noise(8, 20).narrow(2, 6, 8)));
}

TEST_F(concepts, folders_without_pictures_say_what_they_hold) {
  EXPECT_EQ(message_of([&] { list_pictures(folder_ / "no"); }),
            "expected a folder with pictures, " + (folder_ / "no").string() + " does not exist");
  const std::string empty = "no pictures (.jpg, .jpeg, .png, .webp) in the folder " + folder_.string();
  EXPECT_EQ(message_of([&] { list_pictures(folder_); }), empty + ": it is empty");
  for (const char* const name : {"d.gif", "c.txt", "b.tiff", "e.heic"})
    write_bytes(folder_ / name, "x");
  EXPECT_EQ(message_of([&] { list_pictures(folder_ / "d.gif"); }),
            "expected a folder with pictures, " + (folder_ / "d.gif").string() + " is no folder");
  std::filesystem::create_directory(folder_ / "a");
  EXPECT_EQ(message_of([&] { list_pictures(folder_); }), empty + ": it holds a/, b.tiff, c.txt and 2 more");
}

TEST_F(concepts, a_broken_picture_is_named) {
  write_png(folder_ / "a.png", noise(32, 32));
  write_bytes(folder_ / "b.png", read_bytes(folder_ / "a.png").substr(0, 1000));
  EXPECT_THAT(message_of([&] { concept_dataset{{.images_dir = folder_, .size = 8}}; }),
              HasSubstr((folder_ / "b.png").string()));
}

TEST_F(concepts, an_unreadable_link_is_no_picture) {
  std::filesystem::create_symlink(folder_ / "nowhere", folder_ / "a.png");
  EXPECT_THAT(message_of([&] { list_pictures(folder_); }), HasSubstr("it holds a.png"));
}

TEST_F(concepts, draws_repeat_with_the_engine) {
  const concept_dataset set = three_pictures();
  std::mt19937_64 first{5};
  std::mt19937_64 second{5};
  const concept_batch one = set.draw(64, first);
  std::mt19937_64 saved = first;
  const concept_batch same = set.draw(64, second);
  EXPECT_EQ(one.images, same.images);
  EXPECT_EQ(one.templates, same.templates);
  EXPECT_EQ(one.flips, same.flips);
  EXPECT_EQ(set.draw(64, first).images, set.draw(64, saved).images);
}

// Raw values of mt19937_64(5489): 14514284786278117030 (image: % 3 = 1), 4620546740167642908 (template: %
// 5 = 3), 13109570281517897720 (flip: / 2^64 = 0.71), by python3.
TEST_F(concepts, draws_are_the_same_on_every_platform) {
  const concept_dataset set = three_pictures();
  std::mt19937_64 random{5489};
  const concept_batch batch = set.draw(1, random);
  EXPECT_THAT(batch.images, ElementsAre(14514284786278117030u % 3));
  EXPECT_THAT(batch.templates, ElementsAre(4620546740167642908u % 5));
  EXPECT_THAT(batch.flips, ElementsAre(false));
}

TEST_F(concepts, draws_reach_everything_and_nothing_else) {
  const concept_dataset set = three_pictures();
  std::mt19937_64 random{1};
  const concept_batch batch = set.draw(500, random);
  EXPECT_EQ(std::set(batch.images.begin(), batch.images.end()), (std::set<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(std::set(batch.templates.begin(), batch.templates.end()),
            (std::set<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(std::set(batch.flips.begin(), batch.flips.end()), (std::set<bool>{false, true}));
}

TEST_F(concepts, flips_can_be_off_without_moving_the_other_draws) {
  const concept_dataset set = three_pictures();
  const concept_dataset upright = three_pictures(0);
  std::mt19937_64 random{1};
  std::mt19937_64 same{1};
  const concept_batch batch = set.draw(100, random);
  const concept_batch unflipped = upright.draw(100, same);
  EXPECT_EQ(batch.images, unflipped.images);
  EXPECT_EQ(unflipped.flips, std::vector<bool>(100, false));
}

TEST_F(concepts, misuse_is_refused) {
  write_png(folder_ / "a.png", noise(8, 8));
  EXPECT_THROW((concept_dataset{{.images_dir = folder_, .size = 0}}), std::invalid_argument);
  EXPECT_THROW((concept_dataset{{.images_dir = folder_, .flip_probability = 1.5}}), std::invalid_argument);
  EXPECT_THROW((concept_dataset{{.images_dir = folder_, .template_count = 0}}), std::invalid_argument);
  std::mt19937_64 random;
  EXPECT_THROW((concept_dataset{{.images_dir = folder_, .size = 8}}.draw(0, random)), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::data
