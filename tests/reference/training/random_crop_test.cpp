// What is learned of squares that are cut at random, on the bundled model.
#include <filesystem>

#include <gtest/gtest.h>

#include "data/image.hpp"
#include "demo.hpp"

namespace dvar::training {
namespace {

namespace fs = std::filesystem;

class random_crop_test : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path{testing::TempDir()} / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "whole");
    fs::create_directories(folder_ / "cut");
  }

  /// Writes a picture that shows where it is cut, and its mask: white but for a part in the middle.
  void write(const std::string& name, std::int64_t height, std::int64_t width) const {
    const at::Tensor across = torch::linspace(0, 255, width).view({1, 1, width});
    const at::Tensor down = torch::linspace(255, 0, height).view({1, height, 1});
    const at::Tensor picture = at::cat({across.expand({1, height, width}), down.expand({1, height, width}),
                                        across.expand({1, height, width}).flip({2})})
                                   .to(at::kByte);
    data::write_png(folder_ / "whole" / (name + ".png"), picture);
    at::Tensor mask = at::full({3, height, width}, 255, at::kByte);
    mask.narrow(1, height / 4, height / 3).narrow(2, width / 5, width / 2).fill_(0);
    data::write_png(folder_ / "whole" / (name + ".mask.png"), mask);
  }

  data::concept_dataset open(const fs::path& folder, bool crops, bool masks) const {
    data::concept_options options = demo_.pictures.options();
    options.images_dir = folder;
    options.random_crop = crops;
    options.masks = masks;
    return data::concept_dataset{options};
  }

  concept_training begin(const data::concept_dataset& pictures,
                         inversion_options options = {.seed = 7}) const {
    return {demo_.model, pictures, demo_.prompts, demo_.initial, options, demo_.workers};
  }

  demo_inversion demo_{1, 1, {.dtype = at::kDouble}};
  fs::path folder_;
};

TEST_F(random_crop_test, the_loss_is_that_of_the_squares_by_themselves) {
  write("a", 64, 150);
  write("b", 200, 80);
  for (const bool masks : {false, true}) {
    const data::concept_dataset pictures = open(folder_ / "whole", /*crops=*/true, masks);
    const concept_training training = begin(pictures);
    step_random random = random_of_step(3, 1);
    inversion_inputs inputs = training.inputs().draw(6, random);
    ASSERT_TRUE(inputs.crops.defined());
    std::int64_t mirrored = 0;
    for (std::int64_t i = 0; i < 6; ++i) {
      const auto drawn = inputs.crops[i];
      const std::int64_t picture = drawn[0].item<std::int64_t>(), begin = drawn[1].item<std::int64_t>();
      const bool turned = picture >= 2;
      mirrored += turned ? 1 : 0;
      const auto square_of = [&](const at::Tensor& whole) { return turned ? whole.flip({2}) : whole; };
      const fs::path file = folder_ / "cut" / (std::to_string(i) + ".png");
      data::write_png(file, square_of(pictures.crops()->picture(picture % 2, begin)).contiguous());
      if (!masks) continue;
      const at::Tensor mask =
          square_of(pictures.crops()->mask(picture % 2, begin)).mul(255).round().to(at::kByte);
      data::write_png(fs::path{file}.replace_extension(".mask.png"), mask.expand({3, -1, -1}).contiguous());
    }
    EXPECT_GT(mirrored, 0);
    EXPECT_LT(mirrored, 6);
    const data::concept_dataset squares = open(folder_ / "cut", /*crops=*/false, masks);
    inversion_inputs same = inputs;
    same.crops.reset();
    same.pictures = torch::arange(6);
    const inversion_inputs cut = training.inputs().of_method(inputs, demo_.workers);
    ASSERT_TRUE(cut.latents.defined());
    EXPECT_EQ(cut.pixel_weights.defined(), masks);
    EXPECT_NEAR(training.loss(cut).item<double>(), begin(squares).loss(same).item<double>(), 1e-12) << masks;
    // Not what the centered squares give.
    EXPECT_GT(std::abs(training.loss(cut).item<double>() - training.loss(inputs).item<double>()), 1e-6);
  }
}

TEST_F(random_crop_test, a_square_picture_has_one_square) {
  write("a", 96, 96);
  const data::concept_dataset pictures = open(folder_ / "whole", /*crops=*/true, /*masks=*/false);
  const concept_training training = begin(pictures);
  step_random random = random_of_step(3, 1);
  const inversion_inputs inputs = training.inputs().draw(4, random);
  EXPECT_TRUE(at::equal(training.inputs().of_method(inputs, demo_.workers).latents,
                        training.inputs().with_latents(inputs).latents));
}

TEST_F(random_crop_test, a_step_hangs_on_its_number_alone) {
  write("a", 64, 150);
  const data::concept_dataset pictures = open(folder_ / "whole", /*crops=*/true, /*masks=*/false);
  const concept_training one = begin(pictures), other = begin(pictures);
  static_cast<void>(one.draw(1));
  EXPECT_TRUE(at::equal(one.draw(2).latents, other.draw(2).latents));
  EXPECT_FALSE(at::equal(one.draw(2).latents, one.draw(3).latents));
}

TEST_F(random_crop_test, class_pictures_stand_beside_squares) {
  write("a", 64, 150);
  const data::concept_dataset pictures = open(folder_ / "whole", /*crops=*/true, /*masks=*/true);
  inversion_options options{.method = method_kind::dreambooth_lora, .batch = 2, .seed = 7};
  options.prior = {.classes = {{.pictures = demo_.pictures.images(), .prompt = "a frog"}}, .weight = 0.5};
  const concept_training training = begin(pictures, options);
  const inversion_inputs inputs = training.draw(1);
  EXPECT_EQ(inputs.latents.size(0), 4);
  EXPECT_EQ(inputs.pixel_weights.size(0), 4);
  EXPECT_TRUE(at::isfinite(training.loss(inputs)).item<bool>());
  EXPECT_TRUE((inputs.pixel_weights.slice(0, 2) == 1).all().item<bool>());
}

}  // namespace
}  // namespace dvar::training
