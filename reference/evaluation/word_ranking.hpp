#pragma once

#include "evaluation/clip_scorer.hpp"

namespace dvar::evaluation {

struct ranked_word {
  std::string word;
  double score = 0.0;  ///< mean cosine of its prompt to the pictures, in [-1, 1]
};

/// The words of a model that can begin a new token: those of `DIRECTORY/tokenizer/words.txt` (one a line) that are one
/// token, or where that file is missing every whole word of two or more letters in the vocabulary. A small vocabulary
/// holds many endings ("ting") that no one ever wrote as a word, and what a model makes of those means nothing: such a
/// model brings a list.
std::vector<std::string> candidate_words(const std::filesystem::path& directory,
                                         const text::tokenizer& tokenizer);

/// The `count` of `words` whose prompt "a photo of a WORD" is nearest to the pictures, best first (CLIP
/// initialisation, arXiv 2302.04841, section 5.2). pictures as in `clip_scorer::image_features`.
/// \throws dvar::input_error if `words` is empty.
std::vector<ranked_word> rank_words(const clip_scorer& scorer, const at::Tensor& pictures,
                                    const std::vector<std::string>& words, std::size_t count);

}  // namespace dvar::evaluation
