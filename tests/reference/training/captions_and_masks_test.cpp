// Captions and masks of the pictures in the loss and in the probe. The masked loss and its gradient are compared with
// PyTorch's in tests/parity.
#include <fstream>

#include <gtest/gtest.h>

#include "data/image.hpp"
#include "demo.hpp"
#include "training/inversion_probe.hpp"

namespace dvar::training {
namespace {

namespace fs = std::filesystem;

/// Puts the demo's four frogs in a folder of the test's own.
class captions_and_masks_test : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path{testing::TempDir()} / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    for (const fs::path& picture : demo_.pictures.paths())
      fs::copy(picture, folder_ / picture.filename());
  }

  void caption(std::size_t picture, std::string_view text) const {
    fs::path file = folder_ / demo_.pictures.paths().at(picture).filename();
    std::ofstream{file.replace_extension(".txt")} << text;
  }

  /// Writes masks of the pictures, white where `white` makes them so: it is given [3, H, W] zeros.
  template <class White>
  void mask(White white) const {
    for (const fs::path& path : demo_.pictures.paths()) {
      at::Tensor picture = at::zeros_like(data::read_image(path));
      white(picture);
      fs::path file = folder_ / path.filename();
      data::write_png(file.replace_extension(".mask.png"), picture);
    }
  }

  data::concept_options options() const {
    data::concept_options chosen = demo_.pictures.options();
    chosen.images_dir = folder_;
    return chosen;
  }
  data::concept_dataset masked(double background = 0.0) const {
    data::concept_options chosen = options();
    chosen.masks = true;
    chosen.mask_background = background;
    return data::concept_dataset{chosen};
  }
  data::concept_dataset captioned() const {
    data::concept_options chosen = options();
    chosen.captions = true;
    return data::concept_dataset{chosen};
  }
  concept_training begin(const data::concept_dataset& pictures,
                         inversion_options options = {.seed = 7}) const {
    return {demo_.model, pictures, demo_.prompts, demo_.initial, options, demo_.workers};
  }
  double loss(const data::concept_dataset& pictures, const inversion_inputs& inputs) const {
    return begin(pictures).loss(inputs).item<double>();
  }

  demo_inversion demo_{1, 1, {.dtype = at::kDouble}};
  fs::path folder_;
};

TEST_F(captions_and_masks_test, white_masks_change_no_bit) {
  mask([](at::Tensor& picture) { picture.fill_(255); });
  const inversion_inputs inputs = demo_.begin().draw(1);
  EXPECT_EQ(loss(masked(), inputs), loss(demo_.pictures, inputs));
  // And a background that weighs as much as what is masked.
  mask([](at::Tensor& picture) { picture.narrow(1, 0, 20).fill_(255); });
  EXPECT_EQ(loss(masked(1.0), inputs), loss(demo_.pictures, inputs));
}

TEST_F(captions_and_masks_test, the_loss_is_the_mean_of_the_pixels_that_count) {
  // The upper half: rows 0 to 3 of 8 in the latents.
  mask([](at::Tensor& picture) { picture.narrow(1, 0, picture.size(1) / 2).fill_(255); });
  const data::concept_dataset upper = masked();
  mask([](at::Tensor& picture) { picture.narrow(1, picture.size(1) / 2, picture.size(1) / 2).fill_(255); });
  const data::concept_dataset lower = masked();
  const inversion_inputs inputs = demo_.begin().draw(1);
  const double whole = loss(demo_.pictures, inputs);
  const double above = loss(upper, inputs), below = loss(lower, inputs);
  EXPECT_GT(std::abs(above - below), 1e-4 * whole);
  // Resizing smears the edge over a row of the picture.
  EXPECT_NEAR((above + below) / 2.0, whole, 1e-2 * whole);
}

TEST_F(captions_and_masks_test, an_even_gray_is_no_change) {
  mask([](at::Tensor& picture) { picture.fill_(100); });
  const inversion_inputs inputs = demo_.begin().draw(1);
  const double whole = loss(demo_.pictures, inputs);
  EXPECT_NEAR(loss(masked(), inputs), whole, 1e-12 * whole);
}

TEST_F(captions_and_masks_test, masks_are_mirrored_with_their_pictures) {
  const auto left = [](at::Tensor& picture) { picture.narrow(2, 0, picture.size(2) / 2).fill_(255); };
  const auto right = [&](at::Tensor& picture) {
    picture.fill_(255), picture.narrow(2, 0, picture.size(2) / 2).fill_(0);
  };
  inversion_inputs upright = demo_.begin().draw(1);
  upright.pictures = torch::tensor({0, 1, 2, 3});
  inversion_inputs mirrored = upright;
  mirrored.pictures = upright.pictures + 4;
  mask(right);
  const double wrong = loss(masked(), mirrored);
  mask(left);
  const double found = loss(masked(), mirrored);
  // What is mirrored in the files.
  for (const fs::path& path : demo_.pictures.paths())
    data::write_png(folder_ / path.filename(), data::read_image(path).flip({2}));
  mask(right);
  const double expected = loss(masked(), upright);
  EXPECT_NEAR(found, expected, 0.1 * std::abs(wrong - expected));
}

TEST_F(captions_and_masks_test, workers_share_a_masked_batch) {
  mask([](at::Tensor& picture) { picture.narrow(1, 0, 9).fill_(255); });
  const data::concept_dataset pictures = masked(0.1);
  const concept_training alone = begin(pictures);
  const inversion_inputs inputs = alone.draw(1);
  const batch_workers three{3};
  const concept_training shared{demo_.model, pictures, demo_.prompts, demo_.initial, {.seed = 7}, three};
  const inversion_loss one = alone.evaluate(inputs), other = shared.evaluate(inputs);
  EXPECT_NEAR(one.value.item<double>(), other.value.item<double>(), 1e-12);
  EXPECT_LT((one.gradient - other.gradient).abs().max().item<double>(),
            1e-10 * one.gradient.abs().max().item<double>());
}

TEST_F(captions_and_masks_test, the_probe_is_masked_too) {
  mask([](at::Tensor& picture) { picture.narrow(1, 0, 30).fill_(255); });
  const data::concept_dataset pictures = masked();
  const concept_training with = begin(pictures), without = begin(demo_.pictures);
  auto probe = make_probe(with, {.batch = 4});
  auto plain = make_probe(without, {.batch = 4});
  const double value = probe();
  EXPECT_EQ(probe(), value);
  EXPECT_NE(value, plain());
}

TEST_F(captions_and_masks_test, a_step_draws_the_caption_of_its_picture) {
  for (std::size_t i = 0; i < 4; ++i)
    caption(i, i == 2 ? "a {} of many colors\nsecond <thing>"
                      : "photo number " + std::to_string(i) + " of a {}\n");
  const data::concept_dataset pictures = captioned();
  const concept_training inversion = begin(pictures);
  std::vector<std::string> filled;
  for (const std::string& text : pictures.captions())
    filled.push_back(text::fill(text, "<thing>"));
  const at::Tensor ids = demo_.prompts.ids(filled);
  std::set<std::int64_t> seen;
  for (std::int64_t step = 1; step <= 30; ++step) {
    const inversion_inputs inputs = inversion.draw(step);
    for (std::int64_t i = 0; i < inputs.batch(); ++i) {
      const data::caption_range range = pictures.captions_of(inputs.pictures[i].item<std::int64_t>() % 4);
      const at::Tensor is = (ids == inputs.ids[i]).all(1).nonzero();
      ASSERT_EQ(is.size(0), 1);
      const auto line = is.item<std::int64_t>();
      EXPECT_TRUE(line >= range.first && line < range.first + range.count);
      seen.insert(line);
    }
  }
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_TRUE(at::equal(inversion.draw(3).ids, begin(pictures).draw(3).ids)) << "a function of seed and step";
}

/// Evaluates a probe on pictures with two captions each.
class captions_of_the_probe_test : public captions_and_masks_test {
 protected:
  void SetUp() override {
    captions_and_masks_test::SetUp();
    for (std::size_t i = 0; i < 4; ++i)
      caption(i, "a photo of a {}\nthe blue sea and a {} in winter\n");
    pictures_.emplace(captioned());
    inversion_.reset(new concept_training(begin(*pictures_)));  // it stays where it is made
  }
  std::size_t different_values(const char* fixed) {
    auto probe =
        make_probe(*inversion_, {.batch = 1, .seed = 3, .fixed = probe_sources_from(fixed, "fixed")});
    std::set<double> values;
    for (int i = 0; i < 16; ++i)
      values.insert(probe());
    return values.size();
  }
  std::optional<data::concept_dataset> pictures_;
  std::unique_ptr<concept_training> inversion_;
};

TEST_F(captions_of_the_probe_test, are_a_source_of_their_own) {
  EXPECT_EQ(different_values("11111"), 1U);
  EXPECT_EQ(different_values("11101"), 2U) << "two captions of one picture";
  EXPECT_EQ(different_values("01111"), 4U) << "the same choice for each of four pictures";
  EXPECT_EQ(different_values("01101"), 8U);
}

TEST_F(captions_and_masks_test, templates_of_a_style) {
  data::concept_options chosen = options();
  chosen.template_count = static_cast<std::int64_t>(text::style_templates().size());
  const data::concept_dataset pictures{chosen};
  const concept_training inversion = begin(pictures, {.kind = text::concept_kind::style});
  const at::Tensor expected = demo_.prompts.ids({"a painting in the style of <thing>"});
  EXPECT_TRUE(at::equal(inversion.caption_ids({0}), expected));
  EXPECT_EQ(inversion.caption_ids({18}).size(0), 1);
}

TEST(prompt_encoder_test, knows_what_is_cut_and_whether_the_token_is_left) {
  const demo_inversion demo{3};
  const std::string longish =
      "a very long caption that goes on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on";
  EXPECT_FALSE(demo.prompts.is_cut("a <thing>"));
  EXPECT_TRUE(demo.prompts.has_token("a <thing>"));
  EXPECT_TRUE(demo.prompts.has_token("<THING> in capitals"));
  EXPECT_FALSE(demo.prompts.has_token("a thing"));
  EXPECT_TRUE(demo.prompts.is_cut(longish));
  EXPECT_FALSE(demo.prompts.has_token(longish + " <thing>"));
  EXPECT_TRUE(demo.prompts.has_token("<thing> " + longish));
}

TEST(prompt_encoder_test, reads_all_vectors_of_the_token_or_refuses) {
  const demo_inversion demo{5};
  // 16 tokens, of which two are the ends.
  EXPECT_NO_THROW(demo.prompts.check("a b c d e f g h i <thing>"));
  const std::string too_long = "a b c d e f g h i j <thing>";
  EXPECT_FALSE(demo.prompts.has_token(too_long)) << "the last vector is behind the end";
  EXPECT_THROW(demo.prompts.check(too_long), input_error);
  EXPECT_EQ(
      *demo.prompts.problem_of(too_long),
      "expected the token <thing> within the 14 tokens that the model reads, found the last of its 5 vectors at 15");
  EXPECT_NO_THROW(demo.prompts.check("a b c d e f g h i j k l m n o p")) << "no token is lost";
  EXPECT_NO_THROW(demo.prompts.check("<thing> " + too_long)) << "it has been read before";
  EXPECT_THROW((diffusion::prompt_encoder{demo.model, "<new>", 15}), input_error);
}

TEST(prompt_encoder_test, knows_the_token_in_capitals_by_all_its_vectors) {
  const demo_inversion demo{3};
  EXPECT_TRUE(at::equal(demo.prompts.ids({"a <THING>"}), demo.prompts.ids({"a <thing>"})));
}

TEST(prompt_encoder_test, refuses_a_token_inside_of_a_word) {
  const demo_inversion demo;
  const diffusion::prompt_encoder prompts{demo.model, "oto", 1};
  EXPECT_EQ(
      *prompts.problem_of("a Photo of oto"),
      "expected the token oto by itself, found it inside of the word \"Photo\"; choose one such as <oto>");
  EXPECT_FALSE(prompts.problem_of("an oto, my oto-like thing"));
  EXPECT_FALSE(demo.prompts.problem_of("photo<thing>s")) << "brackets end a word";
}

}  // namespace
}  // namespace dvar::training
