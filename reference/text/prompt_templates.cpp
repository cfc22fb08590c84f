#include "text/prompt_templates.hpp"

#include <array>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::text {
namespace {

constexpr std::array<std::string_view, 27> objects{
    "a photo of a {}",           "a rendering of a {}",
    "a cropped photo of the {}", "the photo of a {}",
    "a photo of a clean {}",     "a photo of a dirty {}",
    "a dark photo of the {}",    "a photo of my {}",
    "a photo of the cool {}",    "a close-up photo of a {}",
    "a bright photo of the {}",  "a cropped photo of a {}",
    "a photo of the {}",         "a good photo of the {}",
    "a photo of one {}",         "a close-up photo of the {}",
    "a rendition of the {}",     "a photo of the clean {}",
    "a rendition of a {}",       "a photo of a nice {}",
    "a good photo of a {}",      "a photo of the nice {}",
    "a photo of the small {}",   "a photo of the weird {}",
    "a photo of the large {}",   "a photo of a cool {}",
    "a photo of a small {}",
};

// Two of them stand twice in the published list, and so are drawn twice as often.
constexpr std::array<std::string_view, 19> styles{
    "a painting in the style of {}",         "a rendering in the style of {}",
    "a cropped painting in the style of {}", "the painting in the style of {}",
    "a clean painting in the style of {}",   "a dirty painting in the style of {}",
    "a dark painting in the style of {}",    "a picture in the style of {}",
    "a cool painting in the style of {}",    "a close-up painting in the style of {}",
    "a bright painting in the style of {}",  "a cropped painting in the style of {}",
    "a good painting in the style of {}",    "a close-up painting in the style of {}",
    "a rendition in the style of {}",        "a nice painting in the style of {}",
    "a small painting in the style of {}",   "a weird painting in the style of {}",
    "a large painting in the style of {}",
};

constexpr std::string_view hole = "{}";

}  // namespace

std::span<const std::string_view> object_templates() {
  return objects;
}

std::span<const std::string_view> style_templates() {
  return styles;
}

concept_kind concept_kind_from(std::string_view name, std::string_view option) {
  for (const concept_kind kind : {concept_kind::object, concept_kind::style})
    if (name == name_of(kind)) return kind;
  throw input_error(fmt::format("{}: expected object or style, found '{}'", option, name));
}

std::string_view name_of(concept_kind kind) {
  return kind == concept_kind::style ? "style" : "object";
}

std::span<const std::string_view> templates_of(concept_kind kind) {
  return kind == concept_kind::style ? style_templates() : object_templates();
}

std::string with_holes(std::string prompt, std::string_view token) {
  for (std::size_t place = 0; !token.empty() && (place = prompt.find(token, place)) != std::string::npos;) {
    prompt.replace(place, token.size(), hole);
    place += hole.size();
  }
  return prompt;
}

bool has_hole(std::string_view prompt) {
  return prompt.find(hole) != std::string_view::npos;
}

std::string fill(std::string_view prompt_template, std::string_view token) {
  std::string prompt;
  for (;;) {
    const auto place = prompt_template.find(hole);
    prompt += prompt_template.substr(0, place);
    if (place == std::string_view::npos) return prompt;
    prompt += token;
    prompt_template.remove_prefix(place + hole.size());
  }
}

}  // namespace dvar::text
