#pragma once

#include <map>
#include <string>

#include "evaluation/clip_scorer.hpp"
#include "evaluation/identity_encoder.hpp"

namespace dvar::evaluation {

/// How good some samples of a concept are. What could not be measured has no value.
struct sample_scores {
  std::optional<double> clip;  ///< likeness to the concept's pictures: mean CLIP cosine over all pairs
  std::optional<double> text;  ///< likeness to the prompt: mean CLIP cosine of the samples with it
  std::optional<double> clip_diversity;  ///< of the samples' CLIP features, see `diversity`
  std::optional<double>
      identity;  ///< as `clip`, in the identity encoder's features: DINO score of DreamBooth
  std::optional<double> identity_diversity;  ///< of the samples' features there

  /// Those with a value by the names that traces and JSON have for them: `clip_score`, `text_score`, `clip_diversity`,
  /// `identity_score`, `identity_diversity`.
  std::map<std::string, double> by_name() const;
};

/// Scores samples again and again against the same pictures and prompt.
class sample_scorer {
 public:
  /// `clip` and `identity` may be null, and must outlive the object. pictures float32 [n, 3, H, W] in [-1, 1], at least one;
  /// `prompt` in words that CLIP knows: a learned token is none of them.
  sample_scorer(const clip_scorer* clip, const identity_encoder* identity, const at::Tensor& pictures,
                const std::optional<std::string>& prompt);

  /// samples float32 [n, 3, H, W] in [-1, 1], at least one.
  sample_scores operator()(const at::Tensor& samples) const;

 private:
  const clip_scorer* clip_;
  const identity_encoder* identity_;
  at::Tensor clip_features_;      ///< of the pictures
  at::Tensor prompt_features_;    ///< undefined without a prompt
  at::Tensor identity_features_;  ///< of the pictures
};

}  // namespace dvar::evaluation
