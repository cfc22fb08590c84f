#include "cli/samples/custom_diffusion_choice.hpp"

#include "diffusion/custom_diffusion_file.hpp"

namespace dvar::cli {

option_row custom_diffusion_row(std::filesystem::path& file) {
  return {.name = "custom-diffusion",
          .value = &file,
          .help = "Weights of keys and values by Custom Diffusion, in the layout of diffusers",
          .otherwise = "the model's own"};
}

diffusion::latent_diffusion with_custom_diffusion(const diffusion::latent_diffusion& model,
                                                  const std::filesystem::path& file) {
  if (file.empty()) return model;
  models::layer_weights learned = diffusion::read_custom_diffusion(file, model.unet);
  for (auto& [layer, weight] : learned)
    weight = model.placement.parameter(weight);
  return model.with_keys_and_values(learned);
}

}  // namespace dvar::cli
