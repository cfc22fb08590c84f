#pragma once

#include "training/optimizer.hpp"
#include "training/token_sphere.hpp"

namespace dvar::training {

struct spherical_sgd_options {
  double learning_rate = 1e-2;  ///< the angle of a step, in radians, as far as it is small
  double prior = 1e-4;          ///< the concentration of the prior on the direction
};

/// Updates the directions of a token's vectors by stochastic gradient descent on the unit sphere (Directional Textual Inversion,
/// Kim et al., arXiv 2512.13672). With a vector e = m v of the fixed norm m, and where it began, e = m mu:
///
///     g = m dL/de - prior mu                  the gradient in v, with that of a von Mises-Fisher prior
///     t = g - (g v) v                         its part along the sphere
///     v <- v - rate t / (|t| + 1e-8), v <- v / |v|
///
/// That t is taken to length 1 is from the authors' program. A vector has no other state; the gradient's size does not count, and
/// beside it the prior counts as much as it says there.
class spherical_sgd final : public optimizer {
 public:
  /// Takes vectors [vectors, width] that lie on the sphere, where they begin. Throws `std::invalid_argument` when a rate or the prior
  /// is below 0.
  spherical_sgd(at::Tensor vectors, token_sphere sphere, const spherical_sgd_options& options);

  void step() override;
  void set_learning_rate(double rate) override { options_.learning_rate = rate; }

  /// Returns nothing: where the vectors began is given anew.
  std::map<std::string, at::Tensor> state() const override { return {}; }
  void load_state(const std::map<std::string, at::Tensor>& /*state*/) override {}

 private:
  at::Tensor vectors_;
  token_sphere sphere_;
  spherical_sgd_options options_;
  std::vector<at::Tensor> means_;  // mu, of each part
};

}  // namespace dvar::training
