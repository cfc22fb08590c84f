// The networks.
#include "request.hpp"

namespace dvar::parity {
namespace {

tensors unet(const request& r) {
  const models::unet_2d_condition network = models::open_unet(files_of(r.model()), r.placement());
  models::conditioning context{r.tensor("context")};
  tensors outputs{{"sinusoids", sinusoids(network, r.tensor("timesteps"))}};
  if (r.has("pooled")) {
    context.pooled = r.tensor("pooled");
    context.sizes = r.tensor("sizes");
    outputs["sinusoids_of_sizes"] = sinusoids_of_sizes(network, context.sizes);
  }
  outputs["prediction"] = network(r.tensor("sample"), r.tensor("timesteps"), context);
  return outputs;
}
const entry unet_entry{"unet", unet};

tensors autoencoder(const request& r) {
  const models::autoencoder_kl network = models::open_autoencoder(files_of(r.model()), r.placement());
  const models::latent_distribution encoded = network.encode(r.tensor("images"));
  return {{"moments", network.moments(r.tensor("images"))},
          {"mean", encoded.mean},
          {"standard_deviation", encoded.standard_deviation},
          {"images", network.decode(r.tensor("latents"))}};
}
const entry autoencoder_entry{"autoencoder", autoencoder};

tensors clip_text(const request& r) {
  const models::clip_text network = models::open_clip_text(files_of(r.model()), r.placement());
  const at::Tensor states = network.encode(network.embed(r.tensor("ids")));
  tensors outputs{{"states", states}};
  if (r.has("end")) outputs["features"] = network.project(states, r.tensor("end"));
  return outputs;
}
const entry clip_text_entry{"clip_text", clip_text};

/// Gives what the two text encoders of a model directory give together, and with `vectors` the gradient of the sum of its squares.
tensors clip_pair(const request& r) {
  const models::clip_pair network =
      open_clip_pair(r.model(), r.placement(), static_cast<std::int64_t>(r.number("end")));
  const at::Tensor vectors = r.tensor("vectors").set_requires_grad(true);
  const models::conditioning encoded = network.encode(r.tensor("ids"), vectors);
  (encoded.states.square().sum() + encoded.pooled.square().sum()).backward();
  return {{"states", encoded.states}, {"pooled", encoded.pooled}, {"gradient", vectors.grad()}};
}
const entry clip_pair_entry{"clip_pair", clip_pair};

tensors ldm_bert(const request& r) {
  const models::ldm_bert network = models::open_ldm_bert(files_of(r.model()), r.placement());
  return {{"states", network.encode(network.embed(r.tensor("ids")))}};
}
const entry ldm_bert_entry{"ldm_bert", ldm_bert};

tensors clip_vision(const request& r) {
  const models::clip_vision network = models::open_clip_vision(files_of(r.model()), r.placement());
  return {{"features", network(r.tensor("pixels"))}};
}
const entry clip_vision_entry{"clip_vision", clip_vision};

}  // namespace
}  // namespace dvar::parity
