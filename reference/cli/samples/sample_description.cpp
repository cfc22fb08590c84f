#include "cli/samples/sample_description.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "weights/messages.hpp"

namespace dvar::cli {
namespace {

/// Returns what webui calls a method.
std::string_view webui_name_of(diffusion::sampling_method method) {
  switch (method) {
    case diffusion::sampling_method::ddim:
      return "DDIM";
    case diffusion::sampling_method::pndm:
      return "PNDM";
    case diffusion::sampling_method::dpm_solver:
      return "DPM++ 2M";
    case diffusion::sampling_method::euler:
      return "Euler";
    case diffusion::sampling_method::euler_ancestral:
      return "Euler a";
  }
  return "";
}

/// Returns a text as a PNG file can have it: a byte 0 would end it.
std::string writable(std::string_view text) {
  std::string valid = weights::valid_utf8(text);
  for (std::size_t at; (at = valid.find('\0')) != std::string::npos;)
    valid.replace(at, 1, "\xEF\xBF\xBD");
  return valid;
}

std::string quoted_where_needed(std::string_view value) {
  const std::string text = writable(value);
  const bool plain = text.find_first_of(",:\"\\\n\r") == std::string::npos;
  return plain ? text : nlohmann::json(text).dump();
}

}  // namespace

std::string file_name_of(std::filesystem::path path) {
  if (!path.has_filename()) path = path.parent_path();  // a directory that was given with a slash
  return weights::valid_utf8(path.filename().string());
}

std::string names_of_embeddings(const opened_concepts& opened) {
  std::string names;
  for (std::size_t i = 0; i < opened.files.size(); ++i) {
    names +=
        fmt::format("{}{}: {}", i == 0 ? "" : ", ", file_name_of(opened.files[i]), opened.learned[i].token);
  }
  return names;
}

std::string names_of_loras(const std::vector<std::string>& loras) {
  std::string names;
  for (const std::string& text : loras) {
    const lora_choice choice = parsed_lora(text);
    names += fmt::format("{}{}: {}", names.empty() ? "" : ", ", file_name_of(choice.file), choice.scale);
  }
  return names;
}

described_settings settings_of(const diffusion::latent_diffusion& model, const sampling_options& sampling,
                               std::optional<std::int64_t> picture, const std::string& latents) {
  described_settings settings{
      {"Steps", std::to_string(sampling.steps)},
      {"Sampler", std::string{webui_name_of(method_of(model, sampling))}},
      {"CFG scale", fmt::format("{}", sampling.guidance)},
  };
  // Of latents that are given, the seed says nothing, but for the noise that is drawn on the way.
  if (latents.empty() || choose_sampler(model, sampling)->draws_noise())
    settings.emplace_back("Seed", std::to_string(sampling.seed));
  if (picture) settings.emplace_back("Picture", std::to_string(sampling.first + *picture));
  settings.emplace_back("Latents", latents);
  if (sampling.eta != 0.0) settings.emplace_back("Eta", fmt::format("{}", sampling.eta));
  settings.emplace_back("Size", fmt::format("{0}x{0}", model.resolution()));
  return settings;
}

data::png_text parameters_of(const std::string& prompt, const std::string& negative_prompt,
                             const described_settings& settings) {
  std::string text = writable(prompt) + "\n";
  if (!negative_prompt.empty()) text += "Negative prompt: " + writable(negative_prompt) + "\n";
  std::string_view between;
  for (const auto& [name, value] : settings) {
    if (value.empty()) continue;
    text.append(between).append(name).append(": ").append(quoted_where_needed(value));
    between = ", ";
  }
  return {.keyword = "parameters", .text = text};
}

}  // namespace dvar::cli
