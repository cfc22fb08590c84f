#include "models/frozen_product.hpp"

#include <optional>

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/frozen_weight.hpp"
#include "weights/lent_pages.hpp"

namespace dvar::models {
namespace {

/// Returns LibTorch's operation for a product by oneDNN; no value in a build without oneDNN.
const std::optional<c10::OperatorHandle>& product_of_onednn() {
  static const std::optional<c10::OperatorHandle> found =
      c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
  return found;
}

/// Computes the product alone, by a weight in the type of the input, without a graph.
at::Tensor product(const at::Tensor& input, const at::Tensor& weight,
                   const std::optional<at::Tensor>& offset) {
  const at::AutoDispatchBelowAutograd without_gradient;
  if (!has_frozen_product(input, weight)) return at::linear(input, weight, offset);
  // Nothing is done to the result: `attr`, `scalars` and `algorithm` say what could be.
  torch::jit::Stack stack{input, weight, offset, "none", c10::List<std::optional<at::Scalar>>{}, ""};
  product_of_onednn()->callBoxed(stack);
  return stack.front().toTensor();
}

class frozen : public torch::autograd::Function<frozen> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const std::optional<at::Tensor>& offset) {
    // As it lies: what it is brought to would be kept for the gradient.
    context->save_for_backward({weight});
    const weights::given_back after_use{weight};
    return product(input, laid_out(weight, input.scalar_type()), offset);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const at::Tensor weight = context->get_saved_variables().front();
    const weights::given_back after_use{weight};
    const at::Tensor& gradient = outputs.front();
    return {product(gradient, laid_out(weight, gradient.scalar_type()).t(), std::nullopt), at::Tensor{},
            at::Tensor{}};
  }
};

}  // namespace

bool has_frozen_product(const at::Tensor& input, const at::Tensor& weight) {
  return input.is_cpu() && input.scalar_type() == at::kFloat && !weight.requires_grad() &&
         at::isFloatingType(weight.scalar_type()) && input.numel() > 0 && product_of_onednn().has_value();
}

at::Tensor frozen_product(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& offset) {
  const at::ScalarType type = input.scalar_type();
  const bool is_kept_as_it_lies =
      !weight.requires_grad() && (weight.scalar_type() != type || weights::is_lent(weight));
  if (!is_kept_as_it_lies && !has_frozen_product(input, weight))
    return at::linear(input, weight.to(type), offset);
  const std::optional<at::Tensor> added = offset.defined() ? std::optional{offset} : std::nullopt;
  if (at::GradMode::is_enabled() && input.requires_grad()) return frozen::apply(input, weight, added);
  const weights::given_back after_use{weight};
  return product(input, laid_out(weight, type), added);
}

}  // namespace dvar::models
