#pragma once

#include <functional>

#include "evaluation/clip_scorer.hpp"

namespace dvar::evaluation {

struct ranked_word {
  std::string word;
  /// The mean cosine of the word's prompts to the pictures, in [-1, 1].
  double score = 0.0;
};

/// Returns the words of a model that can begin a new token: those of `DIRECTORY/tokenizer/words.txt` (one a
/// line) that are one token, or where that file is missing every whole word of two or more letters in the
/// vocabulary. A small vocabulary holds many endings ("ting") that no one ever wrote as a word, and what a
/// model makes of those means nothing: such a model brings a list. Special tokens are in neither.
std::vector<std::string> candidate_words(const std::filesystem::path& directory,
                                         const text::tokenizer& tokenizer);

/// Returns the mean cosine of each word's prompts to the pictures, over all pairs of a picture and a template
/// (CLIP initialization, arXiv 2302.04841, section 5.2). pictures as in `clip_scorer::image_features`; a
/// template has `{}` where the word goes. A word whose features are not finite scores NaN.
///
/// Words are taken in blocks, so that the memory does not grow with the vocabulary; `on_block` is told how
/// many are done. Throws `dvar::input_error` when there are no words.
std::vector<double> score_words(const clip_scorer& scorer, const at::Tensor& pictures,
                                const std::vector<std::string>& words,
                                const std::vector<std::string>& templates,
                                const std::function<void(std::size_t)>& on_block = {});

/// Returns the words that have a score, best first; of equals the one that stands first. Throws
/// `dvar::input_error` when none has.
std::vector<ranked_word> rank_words(const std::vector<std::string>& words, const std::vector<double>& scores);

}  // namespace dvar::evaluation
