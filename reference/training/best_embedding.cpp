#include "training/best_embedding.hpp"

#include <cmath>

namespace dvar::training {

void best_embedding::observe(std::int64_t step, double value, const at::Tensor& parameters) {
  if (!std::isfinite(value) || !best_.observe(value)) return;
  step_ = step;
  parameters_ = parameters.detach().clone();
}

void best_embedding::restore(const at::Tensor& parameters) {
  if (value().has_value() != parameters.defined())
    throw state_error("saved state: the best embedding is missing");
  parameters_ = parameters;
}

}  // namespace dvar::training
