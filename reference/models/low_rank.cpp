#include "models/low_rank.hpp"

#include "models/frozen_product.hpp"

namespace dvar::models {

at::Tensor low_rank::operator()(const at::Tensor& input) const {
  const at::ScalarType type = input.scalar_type();
  // The narrow tensor is scaled, not the wide one that it becomes.
  const at::Tensor narrow = frozen_product(input, down.to(type));
  return frozen_product(scale == 1.0 ? narrow : narrow * scale, up.to(type));
}

}  // namespace dvar::models
