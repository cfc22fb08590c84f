#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dvar::text {

/// Returns the 27 templates for things, with `{}` where the token goes: the small list of CLIP's ImageNet
/// prompts that Textual Inversion trains with (Gal et al. 2022, arXiv 2208.01618).
[[nodiscard]] std::span<const std::string_view> object_templates();

/// Returns the 19 templates for styles (same source).
[[nodiscard]] std::span<const std::string_view> style_templates();

/// Says what a token stands for, which decides the templates that it is learned with.
enum class concept_kind : std::uint8_t { object, style };

/// Reads `object` or `style`. Throws `dvar::input_error`, which begins with `option`, when the name is
/// another one.
[[nodiscard]] concept_kind concept_kind_from(std::string_view name, std::string_view option);
[[nodiscard]] std::string_view name_of(concept_kind kind);

[[nodiscard]] std::span<const std::string_view> templates_of(concept_kind kind);

/// Returns the prompt with `{}` for every occurrence of the token: both stand for it wherever a prompt is given. An empty
/// token occurs nowhere.
[[nodiscard]] std::string with_holes(std::string prompt, std::string_view token);

/// Returns whether `{}` is in the prompt.
[[nodiscard]] bool has_hole(std::string_view prompt);

/// Returns the template with every `{}` replaced by the token; a template without `{}` is returned as it is.
[[nodiscard]] std::string fill(std::string_view prompt_template, std::string_view token);

}  // namespace dvar::text
