#include "evaluation/word_ranking.hpp"

#include <algorithm>
#include <dvar/selection/embedding_selection.hpp>
#include <fstream>

#include "error.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::evaluation {
namespace {

bool is_word(const text::tokenizer& tokenizer, std::int64_t id) {
  if (tokenizer.is_special(id) || !tokenizer.is_whole_word(id)) return false;
  const std::string word = tokenizer.readable(id);
  return word.size() > 1 &&
         std::all_of(word.begin(), word.end(), [](char letter) { return letter >= 'a' && letter <= 'z'; });
}

auto as_array(const at::Tensor& rows) {
  const at::Tensor plain = rows.to(at::kCPU, at::kFloat).contiguous();
  xt::xtensor<float, 2> array(
      {static_cast<std::size_t>(plain.size(0)), static_cast<std::size_t>(plain.size(1))});
  std::copy_n(plain.data_ptr<float>(), plain.numel(), array.begin());
  return array;
}

}  // namespace

std::vector<std::string> candidate_words(const std::filesystem::path& directory,
                                         const text::tokenizer& tokenizer) {
  std::vector<std::string> words;
  if (std::ifstream list{directory / "tokenizer" / "words.txt"}) {
    for (std::string word; std::getline(list, word);) {
      if (tokenizer.encode_text(word).size() == 1) words.push_back(word);
    }
    return words;
  }
  for (std::int64_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (is_word(tokenizer, id)) words.push_back(tokenizer.readable(id));
  }
  return words;
}

std::vector<ranked_word> rank_words(const clip_scorer& scorer, const at::Tensor& pictures,
                                    const std::vector<std::string>& words, std::size_t count) {
  if (words.empty())
    throw input_error("--init best: expected words that are one token of the model, found none");
  std::vector<std::string> prompts;
  for (const std::string& word : words)
    prompts.push_back(text::fill("a photo of a {}", word));
  const embedding_selection selection{as_array(scorer.image_features(pictures)),
                                      as_array(scorer.text_features(prompts))};
  std::vector<ranked_word> best;
  for (const selected_embedding& chosen : selection.top(count)) {
    best.push_back({.word = words.at(chosen.index), .score = chosen.score});
  }
  return best;
}

}  // namespace dvar::evaluation
