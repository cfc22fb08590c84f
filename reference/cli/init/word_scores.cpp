#include "cli/init/word_scores.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "error.hpp"
#include "evaluation/word_score_cache.hpp"
#include "reporting/progress.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {
namespace {

/// Returns the user's cache directory, as the XDG base directory specification has it.
std::filesystem::path user_cache() {
  if (const char* const cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/')
    return std::filesystem::path{cache} / "dvar";
  const char* const home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? std::filesystem::path{home} / ".cache" / "dvar"
                                         : std::filesystem::path{};
}

}  // namespace

std::filesystem::path cache_directory(const word_cache_choice& choice) {
  if (choice.off) return {};
  return choice.directory.empty() ? user_cache() : choice.directory;
}

interval template_counts() {
  return between(1, static_cast<double>(text::object_templates().size()));
}

std::vector<evaluation::ranked_word> rank_vocabulary(const vocabulary_ranking& what) {
  const std::vector<std::string> words = evaluation::candidate_words(what.directory, what.tokenizer);
  std::vector<std::string> templates;
  for (const std::string_view each : text::object_templates().first(static_cast<std::size_t>(what.templates)))
    templates.emplace_back(each);
  const auto compute = [&] {
    reporting::progress progress{
        {.label = "words",
         .total = static_cast<std::int64_t>(words.size()),
         .style = what.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
    std::vector<double> scores =
        evaluation::score_words(what.scorer, what.pictures, words, templates,
                                [&](std::size_t done) { progress.update(static_cast<std::int64_t>(done)); });
    progress.finish();
    return scores;
  };
  const std::filesystem::path cache = cache_directory(what.cache);
  if (cache.empty()) return evaluation::rank_words(words, compute());
  const std::string key = evaluation::word_score_key(what.scorer_directory, what.pictures, words, templates);
  return evaluation::rank_words(words, evaluation::cached_word_scores(cache, key, words.size(), compute));
}

}  // namespace dvar::cli
