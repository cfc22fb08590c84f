#include "evaluation/token_ranking.hpp"

#include <algorithm>
#include <array>
#include <dvar/selection/embedding_selection.hpp>

#include "text/prompt_templates.hpp"

namespace dvar::evaluation {
namespace {

bool is_word(const text::clip_tokenizer& tokenizer, std::int64_t id) {
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

std::vector<ranked_token> rank_tokens(const clip_scorer& scorer, const at::Tensor& pictures,
                                      std::size_t count) {
  const text::clip_tokenizer& tokenizer = scorer.tokenizer();
  std::vector<ranked_token> words;
  std::vector<std::string> prompts;
  for (std::int64_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (!is_word(tokenizer, id)) continue;
    words.push_back({.id = id, .word = tokenizer.readable(id)});
    prompts.push_back(text::fill("a photo of a {}", words.back().word));
  }
  const embedding_selection selection{as_array(scorer.image_features(pictures)),
                                      as_array(scorer.text_features(prompts))};
  std::vector<ranked_token> best;
  for (const selected_embedding& chosen : selection.top(count)) {
    best.push_back(words.at(chosen.index));
    best.back().score = chosen.score;
  }
  return best;
}

}  // namespace dvar::evaluation
