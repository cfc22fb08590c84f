#pragma once

#include <span>
#include <string>
#include <string_view>

namespace dvar::text {

/// The 27 templates for things, with `{}` where the token goes: the small list of CLIP's ImageNet prompts
/// that Textual Inversion trains with (Gal et al. 2022, arXiv 2208.01618).
[[nodiscard]] std::span<const std::string_view> object_templates();

/// The 19 templates for styles (same source).
[[nodiscard]] std::span<const std::string_view> style_templates();

/// The template with every `{}` replaced by the token. Precondition: none; a template without `{}` is
/// returned as it is.
[[nodiscard]] std::string fill(std::string_view prompt_template, std::string_view token);

}  // namespace dvar::text
