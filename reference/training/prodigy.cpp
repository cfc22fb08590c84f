#include "training/prodigy.hpp"

#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

namespace dvar::training {

prodigy::prodigy(std::map<std::string, at::Tensor> parameters, const prodigy_options& options)
    : parameters_{std::move(parameters)}, options_{options} {
  const auto is_beta = [](double beta) { return beta >= 0.0 && beta < 1.0; };
  if (parameters_.empty() || !(options.learning_rate >= 0.0) || !is_beta(options.beta_first) ||
      !is_beta(options.beta_second) || !(options.epsilon > 0.0) || !(options.weight_decay >= 0.0) ||
      !(options.initial_distance > 0.0)) {
    throw std::invalid_argument(
        "prodigy: expected parameters, a learning rate and weight decay of at least 0, epsilon and initial distance above 0, and betas in [0, 1)");
  }
  at::TensorOptions shared = at::kDouble;
  for (const auto& [name, parameter] : parameters_) {
    shared = shared.device(parameter.device());
    memories_[name] = {at::zeros_like(parameter), at::zeros_like(parameter), at::zeros_like(parameter),
                       parameter.detach().clone()};
  }
  distance_ = at::full({}, options.initial_distance, shared);
  numerator_ = at::zeros({}, shared);
  updates_ = at::zeros({}, shared);
}

void prodigy::step() {
  if (options_.learning_rate == 0.0) return;
  const at::NoGradGuard no_gradient;
  const at::Tensor update = updates_ + 1;
  const auto power = [&](double beta) { return 1.0 - at::pow(beta, update); };
  const double decay_of_sums = std::sqrt(options_.beta_second);
  const at::Tensor correction = power(options_.beta_second).sqrt() / power(options_.beta_first);
  const at::Tensor rate = distance_ * options_.learning_rate * correction;
  const at::Tensor relative = distance_ / options_.initial_distance;
  at::Tensor numerator = numerator_ * decay_of_sums;
  at::Tensor denominator = at::zeros_like(numerator);
  for (auto& [name, parameter] : parameters_) {
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    memory& own = memories_.at(name);
    const auto in_type = [&](const at::Tensor& number) { return number.to(gradient.scalar_type()); };
    const at::Tensor progress = at::dot(gradient.flatten(), (own.start - parameter).flatten());
    numerator = numerator + relative * rate * progress.to(at::kDouble);
    own.first.mul_(options_.beta_first).add_(gradient * in_type(distance_ * (1.0 - options_.beta_first)));
    own.second.mul_(options_.beta_second)
        .add_(gradient * gradient * in_type(distance_ * distance_ * (1.0 - options_.beta_second)));
    own.sum.mul_(decay_of_sums).add_(gradient * in_type(relative * distance_));
    denominator = denominator + own.sum.abs().sum().to(at::kDouble);
  }
  // Where all gradients have been zeros nothing is known, and nothing moves.
  const at::Tensor is_known = denominator > 0.0;
  updates_ = at::where(is_known, update, updates_);
  numerator_ = at::where(is_known, numerator, numerator_);
  distance_ = at::where(is_known, at::maximum(distance_, numerator / denominator), distance_);
  for (auto& [name, parameter] : parameters_) {
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    const memory& own = memories_.at(name);
    const at::Tensor move = at::where(is_known, rate, at::zeros_like(rate)).to(parameter.scalar_type());
    parameter.sub_(parameter * (move * options_.weight_decay));
    parameter.sub_(move * own.first /
                   (own.second.sqrt() + (distance_ * options_.epsilon).to(parameter.scalar_type())));
  }
}

std::map<std::string, at::Tensor> prodigy::state() const {
  std::map<std::string, at::Tensor> state;
  for_each_part(*this, [&](const std::string& name, const at::Tensor& part) { state[name] = part; });
  return state;
}

void prodigy::load_state(const std::map<std::string, at::Tensor>& state) {
  for_each_part(*this, [&](const std::string& name, at::Tensor& part) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != part.sizes())
      throw std::invalid_argument(fmt::format("optimizer state: '{}' is missing or has another shape", name));
    part = at::empty_like(part).copy_(found->second);
  });
}

}  // namespace dvar::training
