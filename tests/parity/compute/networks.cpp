// The networks.
#include "models/autoencoder_kl.hpp"
#include "request.hpp"

namespace dvar::parity {
namespace {

tensors unet(const request& r) {
  const models::unet_2d_condition network = open_unet(r.model(), r.where());
  return {{"prediction", network(r.tensor("sample"), r.tensor("timesteps"), r.tensor("context"))},
          {"sinusoids", sinusoids(network, r.tensor("timesteps"))}};
}
const entry unet_entry{"unet", unet};

tensors autoencoder(const request& r) {
  const auto files = weights::open_component(r.model());
  models::file_parameters parameters{files.weights, r.where()};
  const models::autoencoder_kl network{models::scope{parameters},
                                       models::autoencoder_options::from_config(files.config)};
  const models::latent_distribution encoded = network.encode(r.tensor("images"));
  return {{"moments", network.moments(r.tensor("images"))},
          {"mean", encoded.mean},
          {"standard_deviation", encoded.standard_deviation},
          {"images", network.decode(r.tensor("latents"))}};
}
const entry autoencoder_entry{"autoencoder", autoencoder};

tensors clip_text(const request& r) {
  const models::clip_text network = open_clip_text(r.model(), r.where());
  const at::Tensor states = network.encode(network.embed(r.tensor("ids")));
  tensors outputs{{"states", states}};
  if (r.has("end")) outputs["features"] = network.project(states, r.tensor("end"));
  return outputs;
}
const entry clip_text_entry{"clip_text", clip_text};

tensors ldm_bert(const request& r) {
  const models::ldm_bert network = open_ldm_bert(r.model(), r.where());
  return {{"states", network.encode(network.embed(r.tensor("ids")))}};
}
const entry ldm_bert_entry{"ldm_bert", ldm_bert};

tensors clip_vision(const request& r) {
  const auto files = weights::open_component(r.model());
  models::file_parameters parameters{files.weights, r.where()};
  const models::clip_vision network{models::scope{parameters},
                                    models::clip_vision_options::from_config(files.config)};
  return {{"features", network(r.tensor("pixels"))}};
}
const entry clip_vision_entry{"clip_vision", clip_vision};

}  // namespace
}  // namespace dvar::parity
