#include "cli/initial_embedding.hpp"

#include <fmt/format.h>

#include "error.hpp"
#include "evaluation/word_ranking.hpp"

namespace dvar::cli {

initial_value initial_word(const train_command& command, const std::filesystem::path& directory,
                           const diffusion::latent_diffusion& model, const evaluation::clip_scorer* scorer,
                           const at::Tensor& pictures) {
  constexpr std::string_view word_prefix = "token:";
  if (command.initial.starts_with(word_prefix)) {
    const std::string word = command.initial.substr(word_prefix.size());
    const std::vector<std::int64_t> ids = model.tokenizer.encode_text(word);
    // BERT's tokenizer has one token for every word that it cannot split.
    if (ids.size() != 1 || model.tokenizer.is_special(ids.front())) {
      std::string parts;
      for (const std::int64_t id : ids)
        parts += (parts.empty() ? "" : " + ") + model.tokenizer.readable(id);
      throw input_error(
          fmt::format("--init: expected a word that is one token of the model, found '{}', which is {}", word,
                      ids.empty() ? "none" : parts));
    }
    return {word, ids.front()};
  }
  if (command.initial != "best") {
    throw input_error(fmt::format("--init: expected 'best' or 'token:WORD', found '{}'", command.initial));
  }
  if (scorer == nullptr) {
    throw input_error(
        "--init best: expected a CLIP to compare words and pictures; give one with --clip, or a word "
        "with --init token:WORD");
  }
  const std::vector<std::string> words = evaluation::candidate_words(directory, model.tokenizer);
  const std::string word = evaluation::rank_words(*scorer, pictures, words, 1).front().word;
  return {word, model.tokenizer.encode_text(word).at(0)};
}

}  // namespace dvar::cli
