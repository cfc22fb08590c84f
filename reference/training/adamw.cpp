#include "training/adamw.hpp"

#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

namespace dvar::training {

adamw::adamw(std::map<std::string, at::Tensor> parameters, const adamw_options& options)
    : parameters_{std::move(parameters)}, options_{options} {
  const auto is_beta = [](double beta) { return beta >= 0.0 && beta < 1.0; };
  if (!(options.learning_rate >= 0.0) || !is_beta(options.beta_first) || !is_beta(options.beta_second) ||
      !(options.epsilon >= 0.0) || !(options.weight_decay >= 0.0)) {
    throw std::invalid_argument(
        "adamw: expected learning rate, epsilon and weight decay of at least 0 and betas in [0, 1)");
  }
  for (const auto& [name, parameter] : parameters_)
    moments_[name] = {at::zeros_like(parameter), at::zeros_like(parameter)};
}

void adamw::step(const batch_workers& workers) {
  const at::NoGradGuard no_gradient;
  ++updates_;
  const auto updates = static_cast<double>(updates_);
  const double step_size = options_.learning_rate / (1.0 - std::pow(options_.beta_first, updates));
  const double root_correction = std::sqrt(1.0 - std::pow(options_.beta_second, updates));
  workers.run_over(parameters_, [&](const std::string& name, const at::Tensor& parameter) {
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) return;
    moments& state = moments_.at(name);
    parameter.mul_(1.0 - options_.learning_rate * options_.weight_decay);
    state.first.lerp_(gradient, 1.0 - options_.beta_first);
    state.second.mul_(options_.beta_second).addcmul_(gradient, gradient, 1.0 - options_.beta_second);
    parameter.addcdiv_(state.first, state.second.sqrt().div_(root_correction).add_(options_.epsilon),
                       -step_size);
  });
}

void adamw::clear_gradients() {
  for (auto& [name, parameter] : parameters_)
    parameter.mutable_grad().reset();
}

std::map<std::string, at::Tensor> adamw::state() const {
  std::map<std::string, at::Tensor> state{{"updates", torch::tensor(updates_)}};
  for (const auto& [name, moment] : moments_) {
    state["first/" + name] = moment.first;
    state["second/" + name] = moment.second;
  }
  return state;
}

void adamw::load_state(const std::map<std::string, at::Tensor>& state) {
  const auto take = [&](const std::string& name, const at::Tensor& like) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != like.sizes())
      throw std::invalid_argument(fmt::format("optimizer state: '{}' is missing or has another shape", name));
    return at::empty_like(like).copy_(found->second);
  };
  updates_ = take("updates", torch::tensor(updates_)).item<std::int64_t>();
  for (auto& [name, moment] : moments_)
    moment = {take("first/" + name, moment.first), take("second/" + name, moment.second)};
}

double clip_gradient_norm(const std::map<std::string, at::Tensor>& parameters, double largest,
                          const batch_workers& workers) {
  const at::NoGradGuard no_gradient;
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : parameters)
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  if (gradients.empty()) return 0.0;
  std::vector<at::Tensor> norms(gradients.size());
  workers.run(gradients.size(), [&](std::size_t i) { norms[i] = gradients[i].norm(); });
  const double norm = at::stack(norms).norm().item<double>();
  if (norm > largest)
    workers.run(gradients.size(), [&](std::size_t i) { gradients[i].mul_(largest / norm); });
  return norm;
}

}  // namespace dvar::training
