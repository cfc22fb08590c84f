#include "evaluation/identity_encoder.hpp"

#include <algorithm>

#include "models/open_networks.hpp"

namespace dvar::evaluation {

identity_encoder identity_encoder::open(const std::filesystem::path& directory,
                                        const models::placement& placement) {
  const weights::component_files files = weights::open_component(directory);
  image_preparation preparation =
      image_preparation::from_config(weights::config_reader{directory / "preprocessor_config.json"});
  models::vit network = models::open_vit(files, placement);
  if (network.options().channels != 3) files.config.refuse_value("num_channels", "3");
  if (preparation.size < network.options().patch_size)
    files.config.refuse_value("patch_size", "at most the size of preprocessor_config.json");
  return {std::move(network), std::move(preparation), placement};
}

identity_encoder::identity_encoder(models::vit network, image_preparation preparation,
                                   const models::placement& placement)
    : network_{std::move(network)}, preparation_{std::move(preparation)}, placement_{placement} {}

at::Tensor identity_encoder::features(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  // Memory stays that of these, however many pictures there are.
  constexpr std::int64_t together = 16;
  std::vector<at::Tensor> features;
  for (std::int64_t first = 0; first < pictures.size(0); first += together) {
    const std::int64_t count = std::min(together, pictures.size(0) - first);
    const at::Tensor pixels = preparation_(pictures.narrow(/*dim=*/0, first, count));
    features.push_back(unit_rows(network_(placement_.images(pixels))));
  }
  return at::cat(features);
}

}  // namespace dvar::evaluation
