#include "cli/train/train_prompts.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "cli/samples/sampling.hpp"
#include "data/captions.hpp"
#include "error.hpp"
#include "training/rescaling.hpp"
#include "weights/messages.hpp"

namespace dvar::cli {
namespace {

/// Returns `FILE: "caption"` for each caption that `holds`.
std::vector<std::string> captions_for_which(const data::concept_dataset& pictures, const std::string& token,
                                            const std::function<bool(const std::string&)>& holds) {
  std::vector<std::string> found;
  if (pictures.captions().empty()) return found;
  for (std::int64_t picture = 0; picture < pictures.size(); ++picture) {
    const std::filesystem::path& path = pictures.paths()[static_cast<std::size_t>(picture)];
    const data::caption_range range = pictures.captions_of(picture);
    for (std::int64_t i = range.first; i < range.first + range.count; ++i) {
      const std::string& caption = pictures.captions()[static_cast<std::size_t>(i)];
      if (holds(text::fill(caption, token))) {
        found.push_back(
            fmt::format("{}: {}", data::caption_file_of(path).string(), weights::in_quotes(caption)));
      }
    }
  }
  return found;
}

void warn(const std::vector<std::string>& found, std::size_t all, std::string_view what) {
  if (!found.empty())
    fmt::print(stderr, "{} of {} captions {}, the first in {}\n", found.size(), all, what, found.front());
}

/// Throws `dvar::input_error` when a prompt is not read as it is meant, and says whose it is.
void check_prompt(const diffusion::prompt_encoder& prompts, const std::string& prompt, std::string_view of) {
  if (const std::optional<std::string> problem = prompts.problem_of(prompt))
    throw input_error(fmt::format("{}: the prompt {}: {}", of, weights::in_quotes(prompt), *problem));
}

/// Checks a caption or template in each of the forms that a run has it in.
void check_forms(const diffusion::prompt_encoder& prompts, const std::string& token, std::string_view prompt,
                 bool rescales, std::string_view of) {
  check_prompt(prompts, text::fill(prompt, token), of);
  if (!rescales || !text::has_hole(text::with_holes(std::string{prompt}, token))) return;
  for (const std::string_view words : training::size_words)
    check_prompt(prompts, text::fill(training::with_size_words(words, prompt), token), of);
}

void check_captions(const data::concept_dataset& pictures, const diffusion::prompt_encoder& prompts,
                    const std::string& token, bool rescales) {
  for (std::int64_t picture = 0; picture < pictures.size(); ++picture) {
    const std::filesystem::path& path = pictures.paths()[static_cast<std::size_t>(picture)];
    const data::caption_range range = pictures.captions_of(picture);
    for (std::int64_t i = range.first; i < range.first + range.count; ++i) {
      const std::string& caption = pictures.captions()[static_cast<std::size_t>(i)];
      check_forms(prompts, token, caption, rescales, data::caption_file_of(path).string());
    }
  }
  const auto with = captions_for_which(
      pictures, token, [&](const std::string& prompt) { return prompts.has_token(prompt, token); });
  if (with.empty()) {
    throw input_error(fmt::format(
        "--captions: expected the token {} or {{}} in a caption, found it in none of {}, the first in {}: {}",
        token, pictures.captions().size(), data::caption_file_of(pictures.paths().front()).string(),
        weights::in_quotes(pictures.captions().front())));
  }
}

}  // namespace

void check_prompts(const train_options& options, const concept_choice& learned,
                   const data::concept_dataset& pictures, const diffusion::prompt_encoder& prompts,
                   const std::string& of_samples) {
  const bool rescales = options.inversion.rescales();
  const std::string of =
      learned.where.empty() ? "--token, --vectors" : learned.where + "its token, --vectors";
  if (!pictures.captions().empty())
    check_captions(pictures, prompts, learned.token, rescales);
  else
    for (const std::string& each : prompts_of(options, learned))
      check_forms(prompts, learned.token, each, rescales, of);
  if (!of_samples.empty()) check_prompt(prompts, text::fill(of_samples, learned.token), "--prompt");
}

void warn_of_prompts(const concept_choice& learned, const data::concept_dataset& pictures,
                     const diffusion::prompt_encoder& prompts, const std::string& of_samples) {
  const std::string& token = learned.token;
  if (!learned.prompt.empty()) warn_of_cut(prompts, text::fill(learned.prompt, token));
  const std::size_t all = pictures.captions().size();
  warn(captions_for_which(pictures, token, [&](const std::string& prompt) { return prompts.is_cut(prompt); }),
       all, "are longer than the model reads and lose their ends");
  warn(captions_for_which(pictures, token,
                          [&](const std::string& prompt) { return !prompts.has_token(prompt, token); }),
       all, "lack the token and teach nothing");
  if (!of_samples.empty()) warn_of_cut(prompts, text::fill(of_samples, token));
}

}  // namespace dvar::cli
