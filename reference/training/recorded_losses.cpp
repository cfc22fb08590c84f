#include "training/recorded_losses.hpp"

namespace dvar::training {
namespace {

device::graph::tensors tensors_of(const inversion_inputs& inputs) {
  device::graph::tensors tensors{inputs.pictures, inputs.ids, inputs.latent_noise, inputs.noise,
                                 inputs.timesteps};
  for (const at::Tensor& tensor :
       {inputs.latents, inputs.pixel_weights, inputs.weights, inputs.sizes, inputs.dropout_keys})
    if (tensor.defined()) tensors.push_back(tensor);
  return tensors;
}

/// Returns inputs of these tensors, which are those of `kind`.
inversion_inputs inputs_of(const device::graph::tensors& tensors, const inversion_inputs& kind) {
  inversion_inputs inputs{.pictures = tensors[0],
                          .ids = tensors[1],
                          .latent_noise = tensors[2],
                          .noise = tensors[3],
                          .timesteps = tensors[4]};
  auto next = tensors.begin() + 5;
  for (const auto member :
       {&inversion_inputs::latents, &inversion_inputs::pixel_weights, &inversion_inputs::weights,
        &inversion_inputs::sizes, &inversion_inputs::dropout_keys})
    if ((kind.*member).defined()) inputs.*member = *next++;
  return inputs;
}

}  // namespace

void recorded_losses::forget_other_scales(double scale) {
  std::erase_if(graphs_,
                [&](const auto& graph) { return graph.first.has_gradient && graph.first.scale != scale; });
}

inversion_loss recorded_losses::evaluate(
    const inversion_inputs& inputs, double scale,
    const std::function<inversion_loss(const inversion_inputs&)>& evaluate) {
  const bool has_gradient = at::GradMode::is_enabled();
  const kind wanted{.batch = inputs.batch(),
                    .height = inputs.noise.size(2),
                    .width = inputs.noise.size(3),
                    .has_latents = inputs.latents.defined(),
                    .has_weights = inputs.weights.defined(),
                    .has_dropout = inputs.dropout_keys.defined(),
                    .has_gradient = has_gradient,
                    .scale = has_gradient ? scale : 1.0};
  auto found = graphs_.find(wanted);
  if (found == graphs_.end()) {
    if (has_gradient) forget_other_scales(scale);
    const auto compute = [evaluate, has_gradient, inputs](const device::graph::tensors& tensors) {
      const inversion_loss loss = evaluate(inputs_of(tensors, inputs));
      return has_gradient ? device::graph::tensors{loss.value, loss.gradient}
                          : device::graph::tensors{loss.value};
    };
    found = graphs_.emplace(wanted, device::graph{compute, tensors_of(inputs), pool_}).first;
  }
  const device::graph::tensors outputs = found->second(tensors_of(inputs));
  return {.value = outputs[0], .gradient = has_gradient ? outputs[1] : at::Tensor{}};
}

}  // namespace dvar::training
