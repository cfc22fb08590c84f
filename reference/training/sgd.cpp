#include "training/sgd.hpp"

#include <stdexcept>

#include <fmt/format.h>

namespace dvar::training {

sgd::sgd(std::map<std::string, at::Tensor> parameters, const sgd_options& options)
    : parameters_{std::move(parameters)}, options_{options} {
  if (!(options.learning_rate >= 0.0) || !(options.weight_decay >= 0.0) ||
      !(options.momentum >= 0.0 && options.momentum < 1.0)) {
    throw std::invalid_argument(
        "sgd: expected learning rate and weight decay of at least 0 and a momentum in [0, 1)");
  }
  for (const auto& [name, parameter] : parameters_)
    velocities_[name] = at::zeros_like(parameter);
}

void sgd::step() {
  const at::NoGradGuard no_gradient;
  for (auto& [name, parameter] : parameters_) {
    if (!parameter.grad().defined()) continue;
    at::Tensor& velocity = velocities_.at(name);
    velocity.mul_(options_.momentum).add_(parameter.grad().add(parameter, options_.weight_decay));
    parameter.add_(velocity, -options_.learning_rate);
  }
}

std::map<std::string, at::Tensor> sgd::state() const {
  std::map<std::string, at::Tensor> state;
  for (const auto& [name, velocity] : velocities_)
    state["velocity/" + name] = velocity;
  return state;
}

void sgd::load_state(const std::map<std::string, at::Tensor>& state) {
  for (auto& [name, velocity] : velocities_) {
    const auto found = state.find("velocity/" + name);
    if (found == state.end() || found->second.sizes() != velocity.sizes()) {
      throw std::invalid_argument(
          fmt::format("optimizer state: 'velocity/{}' is missing or has another shape", name));
    }
    velocity = at::empty_like(velocity).copy_(found->second);
  }
}

}  // namespace dvar::training
