#include "cli/samples/lora_choice.hpp"

#include <cmath>

#include <fmt/format.h>

#include <dvar/text/number.hpp>

#include "diffusion/lora_file.hpp"
#include "error.hpp"

namespace dvar::cli {

lora_choice parsed_lora(const std::string& text) {
  const auto colon = text.rfind(':');
  // A file may have a colon in its name.
  if (colon == std::string::npos || std::filesystem::exists(text)) return {.file = text};
  const std::optional<double> scale = parse_number<double>(std::string_view{text}.substr(colon + 1));
  if (!scale || !std::isfinite(*scale)) {
    throw input_error(fmt::format("--lora {}: expected FILE or FILE:SCALE with a number, found '{}'", text,
                                  text.substr(colon + 1)));
  }
  return {.file = text.substr(0, colon), .scale = *scale};
}

option_row lora_row(std::vector<std::string>& loras) {
  return {.name = "lora",
          .value = &loras,
          .help = "FILE or FILE:SCALE, a LoRA in the layout of diffusers or kohya; may be repeated",
          .otherwise = "none"};
}

models::low_rank_products open_loras(const diffusion::latent_diffusion& model,
                                     const std::vector<std::string>& loras) {
  models::low_rank_products all;
  for (const std::string& text : loras) {
    const lora_choice choice = parsed_lora(text);
    for (auto& [layer, products] : diffusion::read_lora(choice.file, model.layers_to_add_to())) {
      for (const models::low_rank& product : products) {
        all[layer].push_back({.down = model.placement.parameter(product.down),
                              .up = model.placement.parameter(product.up),
                              .scale = choice.scale * product.scale});
      }
    }
  }
  return all;
}

}  // namespace dvar::cli
