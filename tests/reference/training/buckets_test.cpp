// What is learned of pictures of several shapes, on the bundled model.
#include <filesystem>

#include <gtest/gtest.h>

#include "data/image.hpp"
#include "demo.hpp"
#include "training/inversion_probe.hpp"

namespace dvar::training {
namespace {

namespace fs = std::filesystem;

class buckets_test : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path{testing::TempDir()} / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  void write(const std::string& name, std::int64_t height, std::int64_t width) const {
    const at::Tensor levels = torch::arange(3 * height * width).mul(7).remainder(251).to(at::kByte);
    data::write_png(folder_ / (name + ".png"), levels.view({3, height, width}).contiguous());
    at::Tensor mask = at::full({3, height, width}, 255, at::kByte);
    mask.narrow(1, height / 4, height / 3).narrow(2, width / 5, width / 2).fill_(0);
    data::write_png(folder_ / (name + ".mask.png"), mask);
  }

  data::concept_dataset open(bool buckets, bool masks = false) const {
    data::concept_options options = demo_.pictures.options();
    options.images_dir = folder_;
    options.masks = masks;
    if (buckets) options.buckets = data::bucket_sizes(64, 16);
    return data::concept_dataset{options};
  }

  concept_training begin(const data::concept_dataset& pictures,
                         inversion_options options = {.seed = 7}) const {
    return {demo_.model, pictures, demo_.prompts, demo_.initial, options, demo_.workers};
  }

  static double probe_of(const concept_training& training, std::int64_t chunk) {
    probe_options options;
    options.batch = chunk;
    options.accumulation = 6 / chunk;
    options.seed = 5;
    auto probe = make_probe(training, training.inputs(), options);
    return probe();
  }

  demo_inversion demo_{1, 1, {.dtype = at::kDouble}};
  fs::path folder_;
};

TEST_F(buckets_test, squares_are_learned_from_as_without_buckets) {
  write("a", 64, 64);
  write("b", 64, 64);
  const data::concept_dataset with = open(true), without = open(false);
  const concept_training one = begin(with), other = begin(without);
  for (const std::int64_t step : {1, 2, 3})
    EXPECT_EQ(one.loss(one.draw(step)).item<double>(), other.loss(other.draw(step)).item<double>());
  EXPECT_EQ(probe_of(one, 3), probe_of(other, 3));
}

TEST_F(buckets_test, a_batch_has_the_loss_of_its_pictures_by_themselves) {
  write("a", 48, 80);
  write("b", 64, 64);
  write("c", 48, 80);
  for (const bool masks : {false, true}) {
    const data::concept_dataset pictures = open(true, masks);
    ASSERT_EQ(pictures.buckets().size(), 2);
    const concept_training training = begin(pictures);
    std::set<std::int64_t> widths;
    for (std::int64_t step = 1; step <= 8; ++step) {
      const inversion_inputs inputs = training.draw(step);
      widths.insert(inputs.noise.size(3));
      double sum = 0.0;
      for (std::int64_t i = 0; i < inputs.batch(); ++i)
        sum += training.loss(inputs.part({.first = i, .count = 1})).item<double>();
      EXPECT_NEAR(training.loss(inputs).item<double>(), sum / static_cast<double>(inputs.batch()), 1e-12);
    }
    EXPECT_EQ(widths, (std::set<std::int64_t>{16, 20}));
  }
  // The same picture alone, in a folder of its own.
  const data::concept_dataset pictures = open(true);
  const concept_training training = begin(pictures);
  step_random random = random_of_step(1, 1);
  inversion_inputs inputs = training.inputs().draw(1, random);
  while (inputs.pictures.item<std::int64_t>() != 2)
    inputs = training.inputs().draw(1, random);
  fs::remove(folder_ / "a.png");
  fs::remove(folder_ / "b.png");
  const data::concept_dataset alone = open(true);
  const concept_training by_itself = begin(alone);
  inversion_inputs same = inputs;
  same.pictures = torch::zeros({1}, at::kLong);
  EXPECT_EQ(training.loss(inputs).item<double>(), by_itself.loss(same).item<double>());
}

TEST_F(buckets_test, the_probe_is_the_mean_over_all_shapes) {
  write("a", 48, 80);
  write("b", 64, 64);
  write("c", 48, 80);
  write("d", 90, 50);
  for (const bool masks : {false, true}) {
    const data::concept_dataset pictures = open(true, masks);
    const concept_training training = begin(pictures);
    const double one_by_one = probe_of(training, 1);
    EXPECT_NEAR(probe_of(training, 6), one_by_one, 1e-12) << masks;
    EXPECT_NEAR(probe_of(training, 3), one_by_one, 1e-12) << masks;
    EXPECT_EQ(probe_of(training, 6), probe_of(training, 6));
  }
}

TEST_F(buckets_test, nothing_of_another_shape_stands_beside_them) {
  write("a", 48, 80);
  write("b", 64, 64);
  const data::concept_dataset pictures = open(true);
  inversion_options options{.method = method_kind::custom_diffusion, .seed = 7};
  EXPECT_THROW((void)begin(pictures, options), std::invalid_argument);
  options.custom_diffusion.rescale = false;
  EXPECT_TRUE(at::isfinite(begin(pictures, options).loss(begin(pictures, options).draw(1))).item<bool>());
  options.prior = {.classes = {{.pictures = demo_.pictures.images(), .prompt = "a frog"}}, .weight = 0.5};
  EXPECT_THROW((void)begin(pictures, options), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::training
