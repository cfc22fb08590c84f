// A checkpoint in one file, with the names that Stable Diffusion's authors gave to the tensors.
#include "diffusion/latent_diffusion.hpp"
#include "request.hpp"

namespace dvar::parity {
namespace {

/// Gives what each network of `checkpoint.safetensors`, with the directory `config` beside it, gives. `epsilon` says that the
/// network predicts the noise.
tensors single_file(const request& r) {
  const auto model = diffusion::latent_diffusion::open(
      weights::open_model_files({.path = r.model() / "checkpoint.safetensors",
                                 .configuration = r.model() / "config",
                                 .prediction = r.has("epsilon") ? "epsilon" : ""}),
      r.placement());
  const models::conditioning encoded = model.text_encoder.encode(r.tensor("ids"));
  models::conditioning context{r.tensor("context")};
  tensors outputs{{"states", encoded.states},
                  {"moments", model.autoencoder.moments(r.tensor("images"))},
                  {"images", model.autoencoder.decode(r.tensor("latents"))}};
  if (r.has("pooled")) {
    outputs["pooled"] = encoded.pooled;
    context.pooled = r.tensor("pooled");
    context.sizes = r.tensor("sizes");
  }
  outputs["prediction"] = model.unet(r.tensor("sample"), r.tensor("timesteps"), context);
  return outputs;
}
const entry single_file_entry{"single_file", single_file};

}  // namespace
}  // namespace dvar::parity
