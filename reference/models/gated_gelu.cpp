#include "models/gated_gelu.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "models/frozen_product.hpp"

namespace dvar::models {
namespace {

struct halves {
  at::Tensor value;
  at::Tensor gate;

  explicit halves(const at::Tensor& both) {
    const std::int64_t width = both.size(-1) / 2;
    value = both.narrow(-1, 0, width);
    gate = both.narrow(-1, width, width);
  }
};

at::Tensor gated(const at::Tensor& input) {
  const halves of{input};
  return at::gelu(of.gate).mul_(of.value);
}

/// Returns the gradient of the input, given that of the result.
at::Tensor gradient_of_gated(const at::Tensor& input, const at::Tensor& gradient) {
  const halves of{input};
  const at::Tensor both = at::empty_like(input);
  halves gradients{both};
  at::gelu_backward_out(gradients.gate, gradient * of.value, of.gate);
  at::mul_out(gradients.value, at::gelu(of.gate), gradient);
  return both;
}

class gelu_gate : public torch::autograd::Function<gelu_gate> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input) {
    context->save_for_backward({input});
    return gated(input);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    return {gradient_of_gated(context->get_saved_variables().front(), outputs.front())};
  }
};

/// Gates a product by a frozen weight, which is computed a second time for the gradient.
class gelu_gate_of_product : public torch::autograd::Function<gelu_gate_of_product> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& offset) {
    context->save_for_backward({input, weight, offset});
    return gated(frozen_product(input, weight, offset));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor gradient =
        gradient_of_gated(frozen_product(saved[0], saved[1], saved[2]), outputs.front());
    return {frozen_product(gradient, saved[1].t()), at::Tensor{}, at::Tensor{}};
  }
};

/// A product whose result is at least that large is not kept: at 512 pixels those of Stable Diffusion's widest pictures, which take
/// most of the memory of all gates and a third of the time of their products.
constexpr std::int64_t bytes_to_compute_again = 32 << 20;

}  // namespace

at::Tensor gated_gelu(const at::Tensor& input) {
  if (at::GradMode::is_enabled() && input.requires_grad()) return gelu_gate::apply(input);
  return gated(input);
}

at::Tensor gated_gelu(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& offset) {
  const std::int64_t bytes =
      input.numel() / input.size(-1) * weight.size(0) * static_cast<std::int64_t>(input.element_size());
  const bool is_computed_again = at::GradMode::is_enabled() && input.requires_grad() &&
                                 !weight.requires_grad() && !offset.requires_grad() &&
                                 bytes >= bytes_to_compute_again;
  return is_computed_again ? gelu_gate_of_product::apply(input, weight, offset)
                           : gated_gelu(frozen_product(input, weight, offset));
}

}  // namespace dvar::models
