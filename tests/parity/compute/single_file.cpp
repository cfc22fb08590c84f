// A checkpoint in one file, with the names that Stable Diffusion's authors gave to the tensors.
#include "diffusion/latent_diffusion.hpp"
#include "request.hpp"

namespace dvar::parity {
namespace {

/// Gives what each network of `checkpoint.safetensors`, with the directory `config` beside it, gives.
tensors single_file(const request& r) {
  const auto model = diffusion::latent_diffusion::open(
      weights::open_model_files(r.model() / "checkpoint.safetensors", r.model() / "config"), r.placement());
  const at::Tensor states = model.text_encoder.encode(r.tensor("ids")).states;
  return {{"states", states},
          {"prediction", model.unet(r.tensor("sample"), r.tensor("timesteps"), r.tensor("context"))},
          {"moments", model.autoencoder.moments(r.tensor("images"))},
          {"images", model.autoencoder.decode(r.tensor("latents"))}};
}
const entry single_file_entry{"single_file", single_file};

}  // namespace
}  // namespace dvar::parity
