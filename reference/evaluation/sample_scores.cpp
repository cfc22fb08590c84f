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
  add("held_out_clip_score", held_out_clip);
  add("held_out_identity_score", held_out_identity);
  return values;
}

sample_scorer::sample_scorer(const clip_scorer* clip, const identity_encoder* identity,
                             const at::Tensor& pictures, const std::optional<std::string>& prompt,
                             const at::Tensor& held_out)
    : clip_{clip}, identity_{identity}, pictures_{features_of(pictures)} {
  if (clip != nullptr && prompt) prompt_features_ = clip->text_features({*prompt});
  if (held_out.defined()) held_out_ = features_of(held_out);
}

picture_features sample_scorer::features_of(const at::Tensor& pictures) const {
  picture_features features;
  if (clip_ != nullptr) features.clip = clip_->image_features(pictures);
  if (identity_ != nullptr) features.identity = identity_->features(pictures);
  return features;
}

sample_scores sample_scorer::operator()(const at::Tensor& samples) const {
  const auto [clip, identity] = features_of(samples);
  sample_scores scores;
  if (clip.defined()) {
    scores.clip = mean_similarity(clip, pictures_.clip);
    if (prompt_features_.defined()) scores.text = mean_similarity(clip, prompt_features_);
    scores.clip_diversity = diversity(clip);
    if (held_out_.clip.defined()) scores.held_out_clip = mean_similarity(clip, held_out_.clip);
  }
  if (identity.defined()) {
    scores.identity = mean_similarity(identity, pictures_.identity);
    scores.identity_diversity = diversity(identity);
    if (held_out_.identity.defined())
      scores.held_out_identity = mean_similarity(identity, held_out_.identity);
  }
  return scores;
}

}  // namespace dvar::evaluation
