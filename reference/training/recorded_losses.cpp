#include "training/recorded_losses.hpp"

namespace dvar::training {
namespace {

device::graph::tensors tensors_of(const inversion_inputs& inputs) {
  device::graph::tensors tensors{inputs.pictures, inputs.ids, inputs.latent_noise, inputs.noise,
                                 inputs.timesteps};
  if (inputs.weights.defined()) tensors.push_back(inputs.weights);
  return tensors;
}

inversion_inputs inputs_of(const device::graph::tensors& tensors) {
  return {.pictures = tensors[0],
          .ids = tensors[1],
          .latent_noise = tensors[2],
          .noise = tensors[3],
          .timesteps = tensors[4],
          .weights = tensors.size() > 5 ? tensors[5] : at::Tensor{}};
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
                    .has_weights = inputs.weights.defined(),
                    .has_gradient = has_gradient,
                    .scale = has_gradient ? scale : 1.0};
  auto found = graphs_.find(wanted);
  if (found == graphs_.end()) {
    if (has_gradient) forget_other_scales(scale);
    const auto compute = [evaluate, has_gradient](const device::graph::tensors& tensors) {
      const inversion_loss loss = evaluate(inputs_of(tensors));
      return has_gradient ? device::graph::tensors{loss.value, loss.gradient}
                          : device::graph::tensors{loss.value};
    };
    found = graphs_.emplace(wanted, device::graph{compute, tensors_of(inputs), pool_}).first;
  }
  const device::graph::tensors outputs = found->second(tensors_of(inputs));
  return {.value = outputs[0], .gradient = has_gradient ? outputs[1] : at::Tensor{}};
}

}  // namespace dvar::training
