#include "cli/init/initial_embedding.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <dvar/probe/draws.hpp>

#include "diffusion/learned_concept.hpp"
#include "error.hpp"

namespace dvar::cli {
namespace {

constexpr std::string_view token_prefix = "token:";
constexpr std::string_view embedding_file_prefix = "file:";

/// Returns the rows of the model's embedding for these tokens, float32 [tokens, width].
at::Tensor rows_of(const diffusion::latent_diffusion& model, const std::vector<std::int64_t>& ids) {
  const at::Tensor& table = model.text_encoder.token_embedding();
  return table.index_select(0, torch::tensor(ids).to(table.device())).to(at::kFloat);
}

/// Returns the rows of a word's tokens.
at::Tensor rows_of_word(const diffusion::latent_diffusion& model, const std::string& word) {
  const std::vector<std::int64_t> ids = model.tokenizer.encode_text(word);
  // BERT's tokenizer has one special token for every word that it cannot split.
  const auto special =
      std::find_if(ids.begin(), ids.end(), [&](std::int64_t id) { return model.tokenizer.is_special(id); });
  if (ids.empty() || special != ids.end()) {
    throw input_error(fmt::format("--init: expected a word of the model, found '{}', which is {}", word,
                                  ids.empty() ? "none" : model.tokenizer.readable(*special)));
  }
  return rows_of(model, ids);
}

at::Tensor mean_row_of_word(const diffusion::latent_diffusion& model, const std::string& word) {
  return rows_of_word(model, word).mean(/*dim=*/0, /*keepdim=*/true);
}

initial_embedding from_words(const initial_choice& choice, const diffusion::latent_diffusion& model) {
  const std::string words = choice.text.substr(token_prefix.size());
  // Several words would be taken for the pieces of one, and become their mean.
  if (words.find_first_of(", ;|\t") != std::string::npos) {
    throw input_error(fmt::format(
        "--init: expected words with + between them, token:WORD[+WORD...], found '{}'", choice.text));
  }
  initial_embedding initial{.words = words, .vectors = {}};
  std::vector<at::Tensor> rows;
  for (std::size_t first = 0; first <= words.size();) {
    const std::size_t plus = std::min(words.find('+', first), words.size());
    if (plus == first)
      throw input_error(fmt::format("--init: expected token:WORD[+WORD...], found '{}'", choice.text));
    const std::string word = words.substr(first, plus - first);
    const at::Tensor all = rows_of_word(model, word);
    const bool is_mean = choice.mode == "mean" && all.size(0) > 1;
    if (is_mean) initial.averaged.push_back(word);
    rows.push_back(is_mean ? all.mean(/*dim=*/0, /*keepdim=*/true) : all);
    first = plus + 1;
  }
  initial.vectors = at::cat(rows);
  return initial;
}

initial_embedding from_file(const initial_choice& choice, const diffusion::latent_diffusion& model) {
  const std::string path = choice.text.substr(embedding_file_prefix.size());
  const diffusion::learned_concept learned = diffusion::read_learned_concept(path);
  learned.check_fits(model.text_encoder, "--init: " + path);
  return {learned.token, learned.vectors.to(model.placement.device, at::kFloat)};
}

initial_embedding from_scores(const initial_choice& choice, const initial_context& context) {
  if (context.scorer == nullptr) {
    throw input_error(fmt::format(
        "--init {}: expected a CLIP to compare words and pictures; give one with --clip, or a word with --init token:WORD",
        choice.text));
  }
  const std::vector<evaluation::ranked_word> ranking =
      rank_vocabulary({.directory = context.directory,
                       .tokenizer = context.model.tokenizer,
                       .scorer = *context.scorer,
                       .scorer_directory = context.scorer_directory,
                       .pictures = context.pictures,
                       .templates = choice.templates,
                       .cache = choice.cache,
                       .quiet = context.quiet});
  const std::string& word = (choice.text == "best" ? ranking.front() : ranking.back()).word;
  return {word, mean_row_of_word(context.model, word)};
}

initial_embedding at_random(const initial_context& context) {
  const std::vector<std::string> words =
      evaluation::candidate_words(context.directory, context.model.tokenizer);
  if (words.empty()) throw input_error("--init random: expected words that are one token, found none");
  std::mt19937_64 random{context.seed};
  const std::string& word = words[draw_below(random, words.size())];
  return {word, mean_row_of_word(context.model, word)};
}

initial_embedding choose(const initial_choice& choice, const initial_context& context) {
  if (choice.text.starts_with(token_prefix)) return from_words(choice, context.model);
  if (choice.text.starts_with(embedding_file_prefix)) return from_file(choice, context.model);
  return choice.text == "random" ? at_random(context) : from_scores(choice, context);
}

}  // namespace

text_form initial_texts() {
  return {"best, worst, random, token:WORD[+WORD...] or file:PATH", [](const std::string& text) {
            return text == "best" || text == "worst" || text == "random" || text.starts_with(token_prefix) ||
                   text.starts_with(embedding_file_prefix);
          }};
}

initial_embedding choose_initial(const initial_choice& choice, const initial_context& context) {
  initial_embedding initial = choose(choice, context);
  const std::int64_t found = initial.vectors.size(0);
  const std::int64_t wanted = choice.vectors.value_or(found);
  if (found == 1) {
    initial.vectors = initial.vectors.expand({wanted, -1}).clone();
  } else if (found != wanted) {
    throw input_error(fmt::format("--vectors: expected {}, as many as --init {} gives, found {}", found,
                                  choice.text, wanted));
  }
  return initial;
}

}  // namespace dvar::cli
