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

void parameter_copies::hand_over_gradients(const batch_workers& workers) {
  workers.run_over(copies_, [this](const std::string& name, const at::Tensor& copy) {
    at::Tensor& gradient = copy.mutable_grad();
    if (!gradient.defined()) return;
    const at::Tensor& parameter = parameters_.at(name);
    parameter.mutable_grad() = gradient.to(parameter.scalar_type());
    gradient.reset();
  });
}

void parameter_copies::follow(const batch_workers& workers) {
  const at::NoGradGuard no_gradient;
  workers.run_over(
      copies_, [this](const std::string& name, const at::Tensor& copy) { copy.copy_(parameters_.at(name)); });
}

}  // namespace dvar::training
