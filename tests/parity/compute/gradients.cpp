// Gradients of whole training losses.
#include "request.hpp"

namespace dvar::parity {
namespace {

/// Computes the diffusion loss of a batch, and its gradient with respect to the concept's vectors.
tensors concept_gradient(const request& r) {
  const models::text_encoder text = open_text_encoder(r.model(), r.placement());
  const models::unet_2d_condition network = models::open_unet(files_of(r.model() / "unet"), r.placement());
  const auto schedule = open_schedule(r.model() / "scheduler");
  const at::Tensor vectors = r.tensor("vectors").set_requires_grad(true);
  const at::Tensor latents = r.tensor("latents"), noise = r.tensor("noise"),
                   timesteps = r.tensor("timesteps");
  const models::conditioning context = text.encode(r.tensor("ids"), vectors);
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
