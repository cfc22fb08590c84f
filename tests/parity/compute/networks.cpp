// The networks.
#include "request.hpp"

namespace dvar::parity {
namespace {

tensors unet(const request& r) {
  const models::unet_2d_condition network = models::open_unet(files_of(r.model()), r.placement());
  return {{"prediction", network(r.tensor("sample"), r.tensor("timesteps"), r.tensor("context"))},
          {"sinusoids", sinusoids(network, r.tensor("timesteps"))}};
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
