#include "models/gated_gelu.hpp"

#include <torch/csrc/autograd/custom_function.h>

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

class gelu_gate : public torch::autograd::Function<gelu_gate> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input) {
    context->save_for_backward({input});
    const halves of{input};
    return at::gelu(of.gate).mul_(of.value);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const at::Tensor input = context->get_saved_variables().front();
    const at::Tensor& gradient = outputs.front();
    const halves of{input};
    const at::Tensor both = at::empty_like(input);
    halves gradients{both};
    at::gelu_backward_out(gradients.gate, gradient * of.value, of.gate);
    at::mul_out(gradients.value, at::gelu(of.gate), gradient);
    return {both};
  }
};

}  // namespace

at::Tensor gated_gelu(const at::Tensor& input) {
  if (at::GradMode::is_enabled() && input.requires_grad()) return gelu_gate::apply(input);
  const halves of{input};
  return at::gelu(of.gate).mul_(of.value);
}

}  // namespace dvar::models
