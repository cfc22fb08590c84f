#include "evaluation/sample_scores.hpp"

#include "evaluation/similarity.hpp"

namespace dvar::evaluation {

std::map<std::string, double> sample_scores::by_name() const {
  std::map<std::string, double> values;
  const auto add = [&](const char* name, const std::optional<double>& value) {
    if (value) values.emplace(name, *value);
  };
  add("clip_score", clip);
  add("text_score", text);
  add("clip_diversity", clip_diversity);
  add("identity_score", identity);
  add("identity_diversity", identity_diversity);
  return values;
}

sample_scorer::sample_scorer(const clip_scorer* clip, const identity_encoder* identity,
                             const at::Tensor& pictures, const std::optional<std::string>& prompt)
    : clip_{clip}, identity_{identity} {
  if (clip != nullptr) {
    clip_features_ = clip->image_features(pictures);
    if (prompt) prompt_features_ = clip->text_features({*prompt});
  }
  if (identity != nullptr) identity_features_ = identity->features(pictures);
}

sample_scores sample_scorer::operator()(const at::Tensor& samples) const {
  sample_scores scores;
  if (clip_ != nullptr) {
    const at::Tensor features = clip_->image_features(samples);
    scores.clip = mean_similarity(features, clip_features_);
    if (prompt_features_.defined()) scores.text = mean_similarity(features, prompt_features_);
    scores.clip_diversity = diversity(features);
  }
  if (identity_ != nullptr) {
    const at::Tensor features = identity_->features(samples);
    scores.identity = mean_similarity(features, identity_features_);
    scores.identity_diversity = diversity(features);
  }
  return scores;
}

}  // namespace dvar::evaluation
