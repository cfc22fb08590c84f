#include "evaluation/identity_encoder.hpp"

#include <algorithm>

#include "models/open_networks.hpp"

namespace dvar::evaluation {

identity_encoder identity_encoder::open(const std::filesystem::path& directory,
                                        const models::placement& where) {
  const weights::component_files files = weights::open_component(directory);
  image_preparation preparation =
      image_preparation::from_config(weights::config_reader{directory / "preprocessor_config.json"});
  models::vit network = models::open_vit(files, where);
  if (network.options().channels != 3) files.config.refuse("num_channels", "3");
  if (preparation.size < network.options().patch_size)
    files.config.refuse("patch_size", "at most the size of preprocessor_config.json");
  return {std::move(network), std::move(preparation), where};
}

identity_encoder::identity_encoder(models::vit network, image_preparation preparation,
                                   const models::placement& where)
    : network_{std::move(network)}, preparation_{std::move(preparation)}, where_{where} {}

at::Tensor identity_encoder::features(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  // Memory is that of some pictures, however many there are.
  constexpr std::int64_t together = 16;
  std::vector<at::Tensor> features;
  for (std::int64_t first = 0; first < pictures.size(0); first += together) {
    const std::int64_t count = std::min(together, pictures.size(0) - first);
    const at::Tensor pixels = preparation_(pictures.narrow(/*dim=*/0, first, count));
    features.push_back(unit_rows(network_(where_.images(pixels))));
  }
  return at::cat(features);
}

}  // namespace dvar::evaluation
