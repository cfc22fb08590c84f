#include "training/spherical_sgd.hpp"

#include <stdexcept>

namespace dvar::training {
spherical_sgd::spherical_sgd(at::Tensor vectors, token_sphere sphere, const spherical_sgd_options& options)
    : vectors_{std::move(vectors)}, sphere_{std::move(sphere)}, options_{options} {
  if (!(options.learning_rate >= 0.0) || !(options.prior >= 0.0))
    throw std::invalid_argument("spherical_sgd: expected a learning rate and a prior of at least 0");
  for (const at::Tensor& part : sphere_.parts_of(vectors_.detach()))
    means_.push_back(part / lengths_of(part));
}

void spherical_sgd::step() {
  if (!vectors_.grad().defined()) return;
  const at::NoGradGuard no_gradient;
  constexpr double epsilon = 1e-8;
  const std::vector<at::Tensor> parts = sphere_.parts_of(vectors_);
  const std::vector<at::Tensor> gradients = sphere_.parts_of(vectors_.grad());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const at::Tensor norm = sphere_.norms()[i].to(vectors_.options());
    const at::Tensor direction = parts[i] / norm;
    const at::Tensor gradient = gradients[i] * norm - means_[i] * options_.prior;
    const at::Tensor along = gradient - direction * (gradient * direction).sum(/*dim=*/1, /*keepdim=*/true);
    const at::Tensor next = direction - along / (lengths_of(along) + epsilon) * options_.learning_rate;
    at::Tensor{parts[i]}.copy_(next / lengths_of(next) * norm);
  }
}

}  // namespace dvar::training
