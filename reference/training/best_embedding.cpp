#include "training/best_embedding.hpp"

#include <cmath>

namespace dvar::training {

void best_embedding::observe(std::int64_t step, double value, const at::Tensor& vectors) {
  if (!std::isfinite(value) || !best_.observe(value)) return;
  step_ = step;
  vectors_ = vectors.detach().clone();
}

void best_embedding::restore(const at::Tensor& vectors) {
  if (value().has_value() != vectors.defined())
    throw state_error("saved state: the best embedding is missing");
  vectors_ = vectors;
}

}  // namespace dvar::training
