#include "training/pretraining/parameter_copies.hpp"

namespace dvar::training {

parameter_copies::parameter_copies(std::map<std::string, at::Tensor> parameters, at::ScalarType type)
    : parameters_{std::move(parameters)} {
  for (const auto& [name, parameter] : parameters_)
    copies_[name] =
        parameter.detach().to(type, /*non_blocking=*/false, /*copy=*/true).set_requires_grad(true);
}

at::Tensor parameter_copies::parameter(const std::string& name, at::IntArrayRef, models::initial_value) {
  return copies_.at(name);
}

void parameter_copies::hand_over_gradients() {
  for (auto& [name, copy] : copies_) {
    at::Tensor& gradient = copy.mutable_grad();
    if (!gradient.defined()) continue;
    at::Tensor& parameter = parameters_.at(name);
    parameter.mutable_grad() = gradient.to(parameter.scalar_type());
    gradient.reset();
  }
}

void parameter_copies::follow() {
  const at::NoGradGuard no_gradient;
  for (auto& [name, copy] : copies_)
    copy.copy_(parameters_.at(name));
}

}  // namespace dvar::training
