#include "models/network_block.hpp"

#include <torch/csrc/autograd/custom_function.h>

namespace dvar::models {
namespace {

struct held_block : torch::CustomClassHolder {
  held_block(network_block held, std::vector<at::Tensor> leaves)
      : block{std::move(held)}, trained{std::move(leaves)} {}
  network_block block;
  std::vector<at::Tensor> trained;
};

class recomputed : public torch::autograd::Function<recomputed> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const network_block& block,
                            at::TensorList inputs, at::TensorList trained) {
    context->saved_data["block"] =
        c10::IValue::make_capsule(c10::make_intrusive<held_block>(block, trained.vec()));
    context->save_for_backward(inputs.vec());
    return block(inputs);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const auto capsule = context->saved_data["block"].toCapsule();
    auto& held = static_cast<held_block&>(*capsule);
    std::vector<at::Tensor> inputs;
    std::vector<at::Tensor> differentiated;
    for (const at::Tensor& saved : context->get_saved_variables()) {
      inputs.push_back(saved.detach().set_requires_grad(saved.requires_grad()));
      if (saved.requires_grad()) differentiated.push_back(inputs.back());
    }
    differentiated.insert(differentiated.end(), held.trained.begin(), held.trained.end());
    at::Tensor output;
    {
      const at::AutoGradMode with_gradient{true};
      output = held.block(inputs);
    }
    const auto gradients = torch::autograd::grad({output}, differentiated, outputs, /*retain_graph=*/false,
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    torch::autograd::variable_list all{at::Tensor{}};  // the block itself has none
    auto next = gradients.begin();
    for (const at::Tensor& input : inputs)
      all.push_back(input.requires_grad() ? *next++ : at::Tensor{});
    all.insert(all.end(), next, gradients.end());
    return all;
  }
};

}  // namespace

at::Tensor call_block(const network_block& block, std::vector<at::Tensor> inputs, bool checkpointed,
                      const std::vector<at::Tensor>& trained) {
  bool differentiable = at::GradMode::is_enabled() && !trained.empty();
  for (at::Tensor& input : inputs) {
    if (!at::GradMode::is_enabled() || !input.requires_grad()) continue;
    differentiable = true;
    // The gradients of all that is done with the input inside the block meet at this alias.
    input = at::alias(input);
  }
  return differentiable && checkpointed
             ? recomputed::apply(block, at::TensorList{inputs}, at::TensorList{trained})
             : block(inputs);
}

}  // namespace dvar::models
