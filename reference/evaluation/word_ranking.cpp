#include "evaluation/word_ranking.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <dvar/selection/embedding_selection.hpp>

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
    for (std::string word; std::getline(list, word);)
      if (tokenizer.encode_text(word).size() == 1) words.push_back(word);
    return words;
  }
  for (std::int64_t id = 0; id < tokenizer.vocabulary_size(); ++id)
    if (is_word(tokenizer, id)) words.push_back(tokenizer.readable(id));
  return words;
}

std::vector<double> score_words(const clip_scorer& scorer, const at::Tensor& pictures,
                                const std::vector<std::string>& words,
                                const std::vector<std::string>& templates,
                                const std::function<void(std::size_t)>& on_block) {
  if (words.empty()) throw input_error("--init: expected words that are one token of the model, found none");
  constexpr std::size_t block = 256;
  const auto queries = as_array(scorer.image_features(pictures));
  std::vector<double> scores(words.size(), 0.0);
  for (std::size_t first = 0; first < words.size(); first += block) {
    const std::size_t stop = std::min(words.size(), first + block);
    // A template at a time: the scorer computes what its prompts begin with once.
    for (const std::string& each : templates) {
      std::vector<std::string> prompts;
      for (std::size_t i = first; i < stop; ++i)
        prompts.push_back(text::fill(each, words[i]));
      const embedding_selection selection{queries, as_array(scorer.text_features(prompts))};
      for (std::size_t i = first; i < stop; ++i)
        scores[i] += static_cast<double>(selection.scores()(i - first));
    }
    if (on_block) on_block(stop);
  }
  for (double& score : scores)
    score /= static_cast<double>(templates.size());
  return scores;
}

std::vector<ranked_word> rank_words(const std::vector<std::string>& words,
                                    const std::vector<double>& scores) {
  std::vector<ranked_word> ranking;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (!std::isnan(scores.at(i))) ranking.push_back({words[i], scores[i]});
  if (ranking.empty()) throw input_error("--init: CLIP gives no score to any word");
  std::stable_sort(ranking.begin(), ranking.end(),
                   [](const ranked_word& a, const ranked_word& b) { return a.score > b.score; });
  return ranking;
}

}  // namespace dvar::evaluation
