#pragma once

#include "training/optimiser.hpp"

namespace dvar::training {

struct sgd_options {
  double learning_rate = 1e-3;
  double momentum = 0.9;
  double weight_decay = 0.0;  ///< added to the gradient
};

/// Stochastic gradient descent with momentum, in PyTorch's form (no dampening, not Nesterov's) and order of
/// operations: v ← momentum · v + g, w ← w - rate · v. The base of SAM in its paper.
class sgd final : public optimiser {
 public:
  /// Parameters by name. Throws `std::invalid_argument` for a rate or decay below 0 or a momentum outside [0, 1).
  sgd(std::map<std::string, at::Tensor> parameters, const sgd_options& options);

  void step() override;
  void set_learning_rate(double rate) override { options_.learning_rate = rate; }

  /// The velocities, as `velocity/NAME`.
  std::map<std::string, at::Tensor> state() const override;
  void load_state(const std::map<std::string, at::Tensor>& state) override;

 private:
  std::map<std::string, at::Tensor> parameters_;
  sgd_options options_;
  std::map<std::string, at::Tensor> velocities_;
};

}  // namespace dvar::training
