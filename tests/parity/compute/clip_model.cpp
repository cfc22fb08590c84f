// Both towers of a CLIP out of one file.
#include "models/clip_model.hpp"

#include "request.hpp"

namespace dvar::parity {
namespace {

tensors clip_model(const request& r) {
  const auto network = models::clip_model::open(weights::open_component(r.model()), r.placement());
  const at::Tensor states = network.text.encode(network.text.embed(r.tensor("ids")));
  return {{"text_features", network.text.project(states, r.tensor("end"))},
          {"image_features", network.vision(r.tensor("pixels"))}};
}
const entry clip_model_entry{"clip_model", clip_model};

}  // namespace
}  // namespace dvar::parity
