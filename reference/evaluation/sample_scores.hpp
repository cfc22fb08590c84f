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

  /// Returns the scores with a value, by the names that traces and JSON have for them: `clip_score`,
  /// `text_score`, `clip_diversity`, `identity_score`, `identity_diversity`.
  std::map<std::string, double> by_name() const;
};

/// Scores samples again and again against the same pictures and prompt.
class sample_scorer {
 public:
  /// Takes pictures float32 [n, 3, H, W] in [-1, 1], at least one, and a `prompt` in words that CLIP knows: a
  /// learned token is none of them. `clip` and `identity` may be null, and must outlive the object.
  sample_scorer(const clip_scorer* clip, const identity_encoder* identity, const at::Tensor& pictures,
                const std::optional<std::string>& prompt);

  /// Scores samples float32 [n, 3, H, W] in [-1, 1], at least one.
  sample_scores operator()(const at::Tensor& samples) const;

 private:
  const clip_scorer* clip_;
  const identity_encoder* identity_;
  at::Tensor clip_features_;      ///< features of the pictures
  at::Tensor prompt_features_;    ///< undefined without a prompt
  at::Tensor identity_features_;  ///< features of the pictures
};

}  // namespace dvar::evaluation
