#include "diffusion/guidance.hpp"

#include <optional>

#include "device/graph.hpp"

namespace dvar::diffusion {

at::Tensor guided_prediction(const models::unet_2d_condition& unet, const models::placement& placement,
                             const at::Tensor& latents, const at::Tensor& timestep,
                             const models::conditioning& context, const models::conditioning& empty_context,
                             double scale) {
  const auto timesteps = [&](std::int64_t batch) { return timestep.expand({batch}); };
  if (scale == 1.0)
    return unet(placement.images(latents), timesteps(latents.size(0)), context).to(placement.master());
  const at::Tensor both = unet(placement.images(at::cat({latents, latents})), timesteps(2 * latents.size(0)),
                               empty_context.followed_by(context))
                              .to(placement.master());
  const std::vector<at::Tensor> halves = both.chunk(2);
  return halves[0] + scale * (halves[1] - halves[0]);
}

at::Tensor sample_latents(const models::unet_2d_condition& unet, const models::placement& placement,
                          sampler& sampler, at::Tensor latents, const models::conditioning& context,
                          const models::conditioning& empty_context, double scale,
                          const std::function<at::Tensor()>& draw_noise) {
  const auto predict = [&](const device::graph::tensors& inputs) -> device::graph::tensors {
    return {guided_prediction(unet, placement, inputs[0], inputs[1], context, empty_context, scale)};
  };
  device::graph_pool pool;
  std::optional<device::graph> recorded;
  sampler.reset();
  latents = sampler.initial_sample(latents);
  for (const double timestep : sampler.timesteps()) {
    const device::graph::tensors inputs{sampler.network_input(latents),
                                        torch::full({1}, timestep, latents.options().dtype(at::kFloat))};
    if (placement.execution.graphs && !recorded) recorded.emplace(predict, inputs, pool);
    const at::Tensor predicted = (recorded ? (*recorded)(inputs) : predict(inputs)).front();
    latents = sampler.step(predicted, latents, sampler.draws_noise() ? draw_noise() : at::Tensor{});
  }
  return latents;
}

}  // namespace dvar::diffusion
