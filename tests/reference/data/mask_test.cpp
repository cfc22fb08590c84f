#include "data/mask.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vips/vips8>

#include "picture_files.hpp"

namespace dvar::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using vips::VImage;

class mask_test : public testing::Test {
 protected:
  std::filesystem::path folder_ = fresh_folder();
  std::filesystem::path file_ = folder_ / "cat.mask.png";

  at::Tensor read(std::int64_t height, std::int64_t width, std::int64_t size, bool center_crop = false) {
    return square_mask(read_mask(file_, folder_ / "cat.png", height, width), file_, size, center_crop);
  }
  std::string refusal(std::int64_t height = 4, std::int64_t width = 6) {
    return message_of([&] { read(height, width, 4); });
  }

  /// Writes a picture of so many bands, every pixel `levels`.
  void write(const std::vector<double>& levels,
             VipsInterpretation interpretation = VIPS_INTERPRETATION_sRGB) {
    read_image_starts_vips();
    VImage::black(6, 4)
        .cast(interpretation == VIPS_INTERPRETATION_GREY16 ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR)
        .new_from_image(levels)
        .copy(VImage::option()->set("interpretation", interpretation))
        .pngsave(file_.c_str());
  }

 private:
  void read_image_starts_vips() {
    write_png(folder_ / "any.png", noise(2, 2));
    (void)read_image(folder_ / "any.png");
  }
};

TEST_F(mask_test, has_a_name_of_its_own) {
  EXPECT_EQ(mask_file_of("a/cat.jpeg", ""), "a/cat.mask.png");
  EXPECT_EQ(mask_file_of("a/cat.jpeg", "masks"), "masks/cat.png");
  EXPECT_TRUE(is_mask_name("a/cat.mask.png"));
  EXPECT_FALSE(is_mask_name("a/cat.png"));
  EXPECT_FALSE(is_mask_name("a.mask/cat.png"));
  EXPECT_FALSE(is_mask_name("a/mask.png"));
}

TEST_F(mask_test, is_the_share_of_white) {
  write({51}, VIPS_INTERPRETATION_B_W);
  EXPECT_TRUE(at::allclose(read(4, 6, 4), at::full({1, 4, 4}, 0.2), 0, 1e-6));
  write({255, 255, 255});
  EXPECT_TRUE(at::equal(read(4, 6, 4), at::ones({1, 4, 4})));
  write({51, 255}, VIPS_INTERPRETATION_B_W);
  EXPECT_TRUE(at::allclose(read(4, 6, 4), at::full({1, 4, 4}, 0.2), 0, 1e-6)) << "opaque alpha says nothing";
  write({65535}, VIPS_INTERPRETATION_GREY16);
  EXPECT_TRUE(at::equal(read(4, 6, 4), at::ones({1, 4, 4})));
}

TEST_F(mask_test, that_does_not_say_what_it_means_is_refused) {
  EXPECT_THAT(refusal(), AllOf(HasSubstr("the picture " + (folder_ / "cat.png").string()),
                               HasSubstr(file_.string()), HasSubstr("no such file")));
  write({255, 0, 0});
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file_.string()), HasSubstr("expected grays, found colors")));
  write({255, 128}, VIPS_INTERPRETATION_B_W);
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file_.string()), HasSubstr("found transparency")));
  write_bytes(file_, "no picture");
  EXPECT_THAT(refusal(), HasSubstr(file_.string()));
}

TEST_F(mask_test, has_the_size_of_its_picture) {
  write({255, 255, 255});
  (void)read(4, 6, 4);
  for (const auto& [height, width] : {std::pair{6, 4}, std::pair{8, 12}, std::pair{4, 4}}) {
    EXPECT_THAT(refusal(height, width),
                AllOf(HasSubstr(file_.string()), HasSubstr("found 6 x 4"),
                      HasSubstr("expected " + std::to_string(width) + " x " + std::to_string(height) +
                                " pixels, as " + (folder_ / "cat.png").string())));
  }
}

}  // namespace
}  // namespace dvar::data
