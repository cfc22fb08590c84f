// The second image encoder, and how it is shown pictures.
#include "evaluation/image_preparation.hpp"
#include "models/open_networks.hpp"
#include "request.hpp"

namespace dvar::parity {
namespace {

tensors vit(const request& r) {
  const auto network = models::open_vit(weights::open_component(r.model()), r.placement());
  return {{"states", network.states(r.tensor("pixels"))}, {"features", network(r.tensor("pixels"))}};
}
const entry vit_entry{"vit", vit};

/// Gives `pictures` in [-1, 1] as the preprocessor's configuration wants them.
tensors prepare(const request& r) {
  const weights::config_reader config{r.model() / "preprocessor_config.json"};
  return {{"pixels", evaluation::image_preparation::from_config(config)(r.tensor("pictures"))}};
}
const entry prepare_entry{"prepare", prepare};

}  // namespace
}  // namespace dvar::parity
