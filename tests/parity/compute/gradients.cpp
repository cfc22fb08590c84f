// Gradients of whole training losses.
#include "request.hpp"

namespace dvar::parity {
namespace {

/// Opens what makes conditioning of texts: Stable Diffusion XL's two encoders where the end of a text is given.
models::text_encoder encoder_of(const request& r) {
  if (!r.has("end")) return open_text_encoder(r.model(), r.placement());
  return open_clip_pair(r.model(), r.placement(), static_cast<std::int64_t>(r.number("end")));
}

/// Computes the diffusion loss of a batch, and its gradient with respect to the concept's vectors.
tensors concept_gradient(const request& r) {
  const models::text_encoder text = encoder_of(r);
  const models::unet_2d_condition network = models::open_unet(files_of(r.model() / "unet"), r.placement());
  const auto schedule = open_schedule(r.model() / "scheduler");
  const at::Tensor vectors = r.tensor("vectors").set_requires_grad(true);
  const at::Tensor latents = r.tensor("latents"), noise = r.tensor("noise"),
                   timesteps = r.tensor("timesteps");
  models::conditioning context = text.encode(r.tensor("ids"), vectors);
  if (r.has("sizes")) context.sizes = r.tensor("sizes");
  const at::Tensor predicted = network(schedule.add_noise(latents, noise, timesteps), timesteps, context);
  const at::Tensor loss = at::mse_loss(predicted, schedule.target(latents, noise, timesteps));
  loss.backward();
  return {{"loss", loss},
          {"gradient", vectors.grad()},
          {"sinusoids", sinusoids(network, timesteps)},
          {"alphas", schedule.alphas_cumulative().to(at::kFloat)}};
}
const entry concept_gradient_entry{"concept_gradient", concept_gradient};

}  // namespace
}  // namespace dvar::parity
