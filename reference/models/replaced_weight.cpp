#include "models/replaced_weight.hpp"

#include "models/frozen_product.hpp"

namespace dvar::models {

at::Tensor replaced_product(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& offset) {
  const at::Tensor product = frozen_product(input, weight.to(input.scalar_type()), offset);
  if (!product.requires_grad()) return product;
  const at::Tensor first = product.narrow(/*dim=*/1, /*start=*/0, /*length=*/1).detach();
  return at::cat({first, product.slice(/*dim=*/1, /*start=*/1)}, /*dim=*/1);
}

}  // namespace dvar::models
