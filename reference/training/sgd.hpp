#pragma once

#include "training/optimizer.hpp"

namespace dvar::training {

struct sgd_options {
  double learning_rate = 1e-3;
  double momentum = 0.9;
  double weight_decay = 0.0;  ///< added to the gradient
};

/// Updates tensors in place by stochastic gradient descent with momentum, in PyTorch's form (no dampening,
/// not Nesterov's) and order of operations: v ← momentum · v + g, w ← w - rate · v. It is the base of SAM in
/// its paper.
class sgd final : public optimizer {
 public:
  /// Takes parameters by name. Throws `std::invalid_argument` when a rate or decay is below 0 or a momentum
  /// outside [0, 1).
  sgd(std::map<std::string, at::Tensor> parameters, const sgd_options& options);

  void step() override;
  void set_learning_rate(double rate) override { options_.learning_rate = rate; }

  /// Returns the velocities, as `velocity/NAME`.
  std::map<std::string, at::Tensor> state() const override;
  void load_state(const std::map<std::string, at::Tensor>& state) override;

 private:
  std::map<std::string, at::Tensor> parameters_;
  sgd_options options_;
  std::map<std::string, at::Tensor> velocities_;
};

}  // namespace dvar::training
