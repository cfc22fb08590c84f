#include "evaluation/sample_scores.hpp"

#include "toy_encoder.hpp"

namespace dvar::evaluation {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Key;

class sample_scores_test : public testing::Test {
 protected:
  sample_scores_test() {
    const auto directory = test::new_directory();
    test::put_encoder(directory);
    identity_.emplace(identity_encoder::open(directory));
  }

  const clip_scorer clip_ = clip_scorer::open(DVAR_DEMO_MODEL);
  std::optional<identity_encoder> identity_;
  const at::Tensor pictures_ = torch::rand({2, 3, 64, 64}) * 2 - 1;
  const at::Tensor samples_ = torch::rand({3, 3, 64, 64}) * 2 - 1;
};

TEST_F(sample_scores_test, are_what_the_features_say) {
  const sample_scores scores = sample_scorer{&clip_, &*identity_, pictures_, "a red apple"}(samples_);
  const at::Tensor samples = clip_.image_features(samples_);
  const at::Tensor text = clip_.text_features({"a red apple"});
  double sum = 0.0;
  for (std::int64_t i = 0; i < 3; ++i)
    sum += at::dot(samples[i], text[0]).item<double>();
  EXPECT_NEAR(scores.text.value(), sum / 3, 1e-6);
  EXPECT_EQ(scores.clip, mean_similarity(samples, clip_.image_features(pictures_)));
  EXPECT_EQ(scores.clip_diversity, diversity(samples));
  EXPECT_EQ(scores.identity, mean_similarity(identity_->features(samples_), identity_->features(pictures_)));
  EXPECT_EQ(scores.identity_diversity, diversity(identity_->features(samples_)));
  EXPECT_THAT(scores.by_name(),
              ElementsAre(Key("clip_diversity"), Key("clip_score"), Key("identity_diversity"),
                          Key("identity_score"), Key("text_score")));
}

TEST_F(sample_scores_test, of_the_pictures_themselves_are_the_highest) {
  const at::Tensor one = pictures_.narrow(0, 0, 1);
  const sample_scores scores = sample_scorer{&clip_, &*identity_, one, std::nullopt}(one);
  EXPECT_NEAR(scores.clip.value(), 1.0, 1e-6);
  EXPECT_NEAR(scores.identity.value(), 1.0, 1e-6);
}

TEST_F(sample_scores_test, compare_with_pictures_held_out_as_with_others) {
  const at::Tensor held_out = torch::rand({2, 3, 64, 64}) * 2 - 1;
  const sample_scores scores =
      sample_scorer{&clip_, &*identity_, pictures_, std::nullopt, held_out}(samples_);
  const sample_scores others = sample_scorer{&clip_, &*identity_, held_out, std::nullopt}(samples_);
  EXPECT_EQ(scores.held_out_clip, others.clip);
  EXPECT_EQ(scores.held_out_identity, others.identity);
  EXPECT_NE(scores.held_out_clip, scores.clip);
  EXPECT_THAT(scores.by_name(), Contains(Key("held_out_clip_score")));
}

TEST_F(sample_scores_test, have_no_value_where_nothing_measures) {
  const at::Tensor one = samples_.narrow(0, 0, 1);
  EXPECT_THAT((sample_scorer{&clip_, nullptr, pictures_, std::nullopt}(one).by_name()),
              ElementsAre(Key("clip_score")));
  EXPECT_THAT((sample_scorer{nullptr, &*identity_, pictures_, "a red apple"}(samples_).by_name()),
              ElementsAre(Key("identity_diversity"), Key("identity_score")));
}

}  // namespace
}  // namespace dvar::evaluation
