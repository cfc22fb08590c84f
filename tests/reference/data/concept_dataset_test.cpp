#include "data/concept_dataset.hpp"

#include <map>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/transform.hpp"
#include "error.hpp"
#include "picture_files.hpp"

namespace dvar::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class concepts_test : public testing::Test {
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

TEST_F(concepts_test, loads_pictures_in_the_order_of_their_names) {
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

TEST_F(concepts_test, crops_if_asked) {
  write_png(folder_ / "wide.png", noise(8, 20));
  const concept_dataset set{{.images_dir = folder_, .size = 8, .center_crop = true}};
  EXPECT_TRUE(at::equal(to_bytes(set.images()[0]), noise(8, 20).narrow(2, 6, 8)));
}

TEST_F(concepts_test, knows_what_its_pictures_were_made_of) {
  write_png(folder_ / "tall.png", noise(30, 10));
  write_png(folder_ / "wide.png", noise(8, 20));
  const auto sizes = [&](bool center_crop) {
    const concept_dataset set{{.images_dir = folder_, .size = 16, .center_crop = center_crop}};
    std::vector<std::vector<std::int64_t>> all;
    for (const picture_sizes& each : set.sizes())
      all.push_back({each.height, each.width, each.top, each.left});
    return all;
  };
  EXPECT_THAT(sizes(false), ElementsAre(ElementsAre(30, 10, 0, 0), ElementsAre(8, 20, 0, 0)));
  // Resized so that the square has 16 pixels, they are 48 x 16 and 16 x 40.
  EXPECT_THAT(sizes(true), ElementsAre(ElementsAre(30, 10, 16, 0), ElementsAre(8, 20, 0, 12)));
}

TEST_F(concepts_test, a_broken_picture_is_named) {
  write_png(folder_ / "a.png", noise(32, 32));
  write_bytes(folder_ / "b.png", read_bytes(folder_ / "a.png").substr(0, 1000));
  EXPECT_THAT(message_of([&] { concept_dataset{{.images_dir = folder_, .size = 8}}; }),
              HasSubstr((folder_ / "b.png").string()));
}

TEST_F(concepts_test, draws_repeat_with_the_engine) {
  const concept_dataset set = three_pictures();
  std::mt19937_64 first{5};
  std::mt19937_64 second{5};
  const concept_batch one = set.draw(64, first);
  std::mt19937_64 saved = first;
  const concept_batch same = set.draw(64, second);
  EXPECT_EQ(one.images, same.images);
  EXPECT_EQ(one.captions, same.captions);
  EXPECT_EQ(one.flips, same.flips);
  EXPECT_EQ(set.draw(64, first).images, set.draw(64, saved).images);
}

// Raw values of mt19937_64(5489): 14514284786278117030 (image: % 3 = 1), 4620546740167642908 (template: %
// 5 = 3), 13109570281517897720 (flip: / 2^64 = 0.71), by python3.
TEST_F(concepts_test, draws_are_the_same_on_every_platform) {
  const concept_dataset set = three_pictures();
  std::mt19937_64 random{5489};
  const concept_batch batch = set.draw(1, random);
  EXPECT_THAT(batch.images, ElementsAre(14514284786278117030u % 3));
  EXPECT_THAT(batch.captions, ElementsAre(4620546740167642908u % 5));
  EXPECT_THAT(batch.flips, ElementsAre(false));
}

TEST_F(concepts_test, draws_reach_everything_and_nothing_else) {
  const concept_dataset set = three_pictures();
  std::mt19937_64 random{1};
  const concept_batch batch = set.draw(500, random);
  EXPECT_EQ(std::set(batch.images.begin(), batch.images.end()), (std::set<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(std::set(batch.captions.begin(), batch.captions.end()), (std::set<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(std::set(batch.flips.begin(), batch.flips.end()), (std::set<bool>{false, true}));
}

TEST_F(concepts_test, flips_can_be_off_without_moving_the_other_draws) {
  const concept_dataset set = three_pictures();
  const concept_dataset upright = three_pictures(0);
  std::mt19937_64 random{1};
  std::mt19937_64 same{1};
  const concept_batch batch = set.draw(100, random);
  const concept_batch unflipped = upright.draw(100, same);
  EXPECT_EQ(batch.images, unflipped.images);
  EXPECT_EQ(unflipped.flips, std::vector<bool>(100, false));
}

TEST_F(concepts_test, captions_are_drawn_of_the_pictures_own) {
  (void)three_pictures();
  write_bytes(folder_ / "C.txt", "{} in C");
  write_bytes(folder_ / "a.txt", "one {}\ntwo {}\nthree {}\n");
  write_bytes(folder_ / "b.txt", "{} in b\n{} again in b\n");
  const concept_dataset set{{.images_dir = folder_, .size = 8, .template_count = 5, .captions = true}};
  EXPECT_THAT(set.captions(),
              ElementsAre("{} in C", "one {}", "two {}", "three {}", "{} in b", "{} again in b"));
  std::mt19937_64 random{1};
  const concept_batch batch = set.draw(500, random);
  std::set<std::pair<std::int64_t, std::int64_t>> drawn;
  for (std::size_t i = 0; i < batch.images.size(); ++i)
    drawn.emplace(batch.images[i], batch.captions[i]);
  EXPECT_THAT(drawn, ElementsAre(std::pair{0, 0}, std::pair{1, 1}, std::pair{1, 2}, std::pair{1, 3},
                                 std::pair{2, 4}, std::pair{2, 5}));
  // Pictures and flips are those of a run with templates: a caption takes one raw draw as a template does.
  std::mt19937_64 same{1};
  const concept_batch with_templates = three_pictures().draw(500, same);
  EXPECT_EQ(batch.images, with_templates.images);
  EXPECT_EQ(batch.flips, with_templates.flips);
}

TEST_F(concepts_test, a_picture_without_captions_is_named) {
  (void)three_pictures();
  write_bytes(folder_ / "C.txt", "{} in C");
  write_bytes(folder_ / "a.txt", "{}");
  const auto refusal = [&] {
    return message_of([&] { concept_dataset{{.images_dir = folder_, .size = 8, .captions = true}}; });
  };
  EXPECT_EQ(refusal(), "the picture " + (folder_ / "b.PNG").string() + ": expected its captions in " +
                           (folder_ / "b.txt").string() + ", found no such file");
  write_bytes(folder_ / "b.txt", " \r\n\n");
  EXPECT_EQ(refusal(),
            "the captions " + (folder_ / "b.txt").string() + ": expected a line with a caption, found none");
}

TEST_F(concepts_test, masks_beside_pictures_are_no_pictures) {
  write_png(folder_ / "a.png", noise(8, 8));
  write_png(folder_ / "a.mask.png", at::full({3, 8, 8}, 255, at::kByte));
  EXPECT_THAT(list_pictures(folder_), ElementsAre(folder_ / "a.png"));
  EXPECT_FALSE((concept_dataset{{.images_dir = folder_, .size = 8}}).buckets().front().masks.defined());
  std::filesystem::remove(folder_ / "a.png");
  EXPECT_THAT(message_of([&] { list_pictures(folder_); }), HasSubstr("it holds \"a.mask.png\""));
}

TEST_F(concepts_test, masks_follow_their_pictures_into_the_square) {
  at::Tensor mask = at::zeros({3, 8, 20}, at::kByte);
  mask.narrow(2, 6, 4).fill_(255);
  write_png(folder_ / "a.png", noise(8, 20));
  write_png(folder_ / "a.mask.png", mask);
  std::filesystem::create_directory(folder_ / "masks");
  write_png(folder_ / "masks" / "a.png", at::full({3, 8, 20}, 255, at::kByte).sub_(mask));
  const auto masks = [&](const concept_options& options) {
    return concept_dataset{options}.buckets().front().masks;
  };
  // The square is columns 6 to 13, of which the first four are white.
  const at::Tensor cropped = masks({.images_dir = folder_, .size = 8, .center_crop = true, .masks = true});
  ASSERT_EQ(cropped.sizes(), (std::vector<std::int64_t>{1, 1, 8, 8}));
  at::Tensor expected = at::zeros({1, 1, 8, 8});
  expected.narrow(3, 0, 4).fill_(1);
  EXPECT_TRUE(at::equal(cropped, expected));
  // In another folder, with something of the background; black there is 6 to 9.
  const at::Tensor other = masks({.images_dir = folder_,
                                  .size = 8,
                                  .center_crop = true,
                                  .masks = true,
                                  .masks_dir = folder_ / "masks",
                                  .mask_background = 0.25});
  EXPECT_TRUE(at::equal(other, 1 - expected * 0.75));
  // Squeezed whole, a fifth of it is white.
  const at::Tensor squeezed = masks({.images_dir = folder_, .size = 8, .masks = true});
  EXPECT_NEAR(squeezed.mean().item<double>(), 0.2, 0.02);
}

TEST_F(concepts_test, a_mask_that_is_missing_or_empty_is_named) {
  write_png(folder_ / "a.png", noise(8, 20));
  const auto refusal = [&](bool crop = false) {
    return message_of(
        [&] { concept_dataset{{.images_dir = folder_, .size = 8, .center_crop = crop, .masks = true}}; });
  };
  const std::string name = (folder_ / "a.mask.png").string();
  EXPECT_EQ(refusal(), "the picture " + (folder_ / "a.png").string() + ": expected its mask in " + name +
                           ", found no such file");
  write_png(folder_ / "a.mask.png", at::zeros({3, 8, 20}, at::kByte));
  EXPECT_EQ(refusal(), "the mask " + name + ": expected something that is not black, found nothing");
  at::Tensor left = at::zeros({3, 8, 20}, at::kByte);
  left.narrow(2, 0, 5).fill_(255);
  write_png(folder_ / "a.mask.png", left);
  EXPECT_EQ(
      refusal(true),
      "the mask " + name + ": expected something that is not black in the centered square, found nothing");
}

/// Two concepts: three pictures with prompts, and two of which each has a caption.
class joined_concepts_test : public concepts_test {
 protected:
  concept_dataset joined(bool masks = false, bool crops = false) {
    concept_dataset cats = three_pictures();
    const std::filesystem::path dogs = folder_ / "dogs";
    std::filesystem::create_directories(dogs);
    for (const char* const name : {"a", "d"}) {
      write_png(dogs / fmt::format("{}.png", name), noise(8, 10, 4));
      write_png(dogs / fmt::format("{}.mask.png", name), at::full({3, 8, 10}, 255, at::kByte));
      write_bytes(dogs / fmt::format("{}.txt", name), fmt::format("{{}} in {}", name));
    }
    concept_dataset others{
        {.images_dir = dogs, .size = 8, .random_crop = crops, .captions = true, .masks = masks}};
    return concept_dataset::joined({{cats, "<cat>", {"a {}", "my {}"}}, {others, "<dog>", {"never {}"}}});
  }
};

TEST_F(joined_concepts_test, every_picture_has_captions_of_its_own_concept) {
  const concept_dataset set = joined();
  EXPECT_EQ(set.concepts(), 2);
  ASSERT_EQ(set.size(), 5);
  EXPECT_EQ(set.images().sizes(), (std::vector<std::int64_t>{5, 3, 8, 8}));
  EXPECT_THAT(set.captions(), ElementsAre("a <cat>", "my <cat>", "<dog> in a", "<dog> in d"));
  std::mt19937_64 random{1};
  const concept_batch batch = set.draw(500, random);
  std::set<std::pair<std::int64_t, std::int64_t>> drawn;
  std::map<std::int64_t, int> times;
  for (std::size_t i = 0; i < batch.images.size(); ++i) {
    drawn.emplace(batch.images[i], batch.captions[i]);
    ++times[batch.images[i]];
  }
  EXPECT_THAT(drawn, ElementsAre(std::pair{0, 0}, std::pair{0, 1}, std::pair{1, 0}, std::pair{1, 1},
                                 std::pair{2, 0}, std::pair{2, 1}, std::pair{3, 2}, std::pair{4, 3}));
  for (const auto& [picture, count] : times)
    EXPECT_NEAR(count, 100, 30) << "any picture of any concept is as likely, " << picture;
}

TEST_F(joined_concepts_test, concepts_take_turns) {
  const concept_dataset both = joined();
  std::vector<std::int64_t> order;
  for (std::int64_t place = 0; place < 8; ++place)
    order.push_back(both.in_turn(place));
  EXPECT_THAT(order, ElementsAre(0, 3, 1, 4, 2, 3, 0, 4));
  const concept_dataset one = three_pictures();
  for (std::int64_t place = 0; place < 7; ++place)
    EXPECT_EQ(one.in_turn(place), place % 3);
}

TEST_F(joined_concepts_test, what_is_not_the_same_of_all_is_refused) {
  EXPECT_THROW(joined(/*masks=*/true), std::invalid_argument);
  EXPECT_THROW(joined(/*masks=*/false, /*crops=*/true), std::invalid_argument);
}

TEST_F(concepts_test, misuse_is_refused) {
  write_png(folder_ / "a.png", noise(8, 8));
  EXPECT_THROW((concept_dataset{{.images_dir = folder_, .size = 0}}), std::invalid_argument);
  EXPECT_THROW((concept_dataset{{.images_dir = folder_, .flip_probability = 1.5}}), std::invalid_argument);
  EXPECT_THROW((concept_dataset{{.images_dir = folder_, .template_count = 0}}), std::invalid_argument);
  EXPECT_THROW((concept_dataset{{.images_dir = folder_, .mask_background = -0.1}}), std::invalid_argument);
  std::mt19937_64 random;
  EXPECT_THROW((concept_dataset{{.images_dir = folder_, .size = 8}}.draw(0, random)), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::data
