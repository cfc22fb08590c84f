#pragma once

#include "evaluation/clip_scorer.hpp"

namespace dvar::evaluation {

struct ranked_token {
  std::int64_t id = 0;
  std::string word;
  double score = 0.0;  ///< mean cosine of its prompt to the pictures, in [-1, 1]
};

/// The `count` words of the vocabulary whose prompt "a photo of a WORD" is nearest to the pictures, best first (CLIP
/// initialisation, arXiv 2302.04841, section 5.2). Only whole words of letters stand for election: no special tokens,
/// no punctuation, no pieces. pictures as in `clip_scorer::image_features`.
std::vector<ranked_token> rank_tokens(const clip_scorer& scorer, const at::Tensor& pictures,
                                      std::size_t count);

}  // namespace dvar::evaluation
