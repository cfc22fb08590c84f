#pragma once

#include <map>
#include <string>

#include "evaluation/clip_scorer.hpp"
#include "evaluation/identity_encoder.hpp"

namespace dvar::evaluation {

/// Says how good some samples of a concept are. What could not be measured has no value.
struct sample_scores {
  /// The likeness to the concept's pictures: mean CLIP cosine over all pairs.
  std::optional<double> clip;
  /// The likeness to the prompt: mean CLIP cosine of the samples with it.
  std::optional<double> text;
  /// The `diversity` of the samples' CLIP features.
  std::optional<double> clip_diversity;
  /// The likeness to the concept's pictures in the identity encoder's features: DINO score of DreamBooth.
  std::optional<double> identity;
  /// The `diversity` of the samples' features there.
  std::optional<double> identity_diversity;
  /// The likeness to pictures that are held out: `clip` and `identity` against those.
  std::optional<double> held_out_clip;
  std::optional<double> held_out_identity;

  /// Returns the scores with a value, by the names that traces and JSON have for them: `clip_score`,
  /// `text_score`, `clip_diversity`, `identity_score`, `identity_diversity`, `held_out_clip_score`,
  /// `held_out_identity_score`.
  std::map<std::string, double> by_name() const;
};

/// Holds features of pictures, by each of the encoders that is there.
struct picture_features {
  at::Tensor clip;
  at::Tensor identity;
};

/// Scores samples again and again against the same pictures and prompt.
class sample_scorer {
 public:
  /// Takes pictures float32 [n, 3, H, W] in [-1, 1], at least one, and a `prompt` in words that CLIP knows: a
  /// learned token is none of them. `clip` and `identity` may be null, and must outlive the object. `held_out`, of the same form as
  /// `pictures`, is undefined where no pictures are held out.
  sample_scorer(const clip_scorer* clip, const identity_encoder* identity, const at::Tensor& pictures,
                const std::optional<std::string>& prompt, const at::Tensor& held_out = {});

  /// Scores samples float32 [n, 3, H, W] in [-1, 1], at least one.
  sample_scores operator()(const at::Tensor& samples) const;

 private:
  picture_features features_of(const at::Tensor& pictures) const;

  const clip_scorer* clip_;
  const identity_encoder* identity_;
  picture_features pictures_;
  at::Tensor prompt_features_;  ///< undefined without a prompt
  picture_features held_out_;   ///< undefined where no pictures are held out
};

}  // namespace dvar::evaluation
