#include "cli/train/train_captions.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "data/captions.hpp"
#include "error.hpp"
#include "text/prompt_templates.hpp"
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

}  // namespace

void check_captions(const data::concept_dataset& pictures, const diffusion::prompt_encoder& prompts) {
  const auto with = captions_for_which(pictures, prompts.token(),
                                       [&](const std::string& prompt) { return prompts.has_token(prompt); });
  if (!pictures.captions().empty() && with.empty()) {
    throw input_error(fmt::format(
        "--captions: expected the token {} or {{}} in a caption, found it in none of {} (as far as the model reads them), the first in {}: {}",
        prompts.token(), pictures.captions().size(), data::caption_file_of(pictures.paths().front()).string(),
        weights::in_quotes(pictures.captions().front())));
  }
}

void warn_of_captions(const data::concept_dataset& pictures, const diffusion::prompt_encoder& prompts) {
  const std::size_t all = pictures.captions().size();
  warn(captions_for_which(pictures, prompts.token(),
                          [&](const std::string& prompt) { return prompts.is_cut(prompt); }),
       all, "are longer than the model reads and lose their ends");
  warn(captions_for_which(pictures, prompts.token(),
                          [&](const std::string& prompt) { return !prompts.has_token(prompt); }),
       all, "lack the token and teach nothing");
}

}  // namespace dvar::cli
