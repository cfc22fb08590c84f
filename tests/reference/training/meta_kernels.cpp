// What `meta` needs besides what LibTorch has. A backend brings functions of its own for convolutions. Of some other
// operations LibTorch knows the shapes only through Python: here the CPU computes them, on zeros of the same shapes. An
// argument that is not on `meta` is refused by every function here, as LibTorch's own refuse it.
#include <array>
#include <stdexcept>

#include <torch/library.h>

#include "torch.hpp"

namespace dvar::training {
namespace {

void expect_meta(const at::Tensor& tensor, const std::string& operation) {
  if (tensor.defined() && !tensor.is_meta())
    throw std::runtime_error(operation + ": expected tensors on meta, found one on " + tensor.device().str());
}

using integers = at::IntArrayRef;

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias, integers stride, integers padding, integers,
                       bool, integers, std::int64_t) {
  for (const at::Tensor& tensor : {input, weight, bias ? *bias : at::Tensor{}})
    expect_meta(tensor, "convolution");
  const auto size = [&](std::int64_t dim) {
    const auto i = static_cast<std::size_t>(dim - 2);
    return (input.size(dim) + 2 * padding[i] - weight.size(dim)) / stride[i] + 1;
  };
  return torch::empty({input.size(0), weight.size(0), size(2), size(3)}, input.options(),
                      input.suggest_memory_format());
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(
    const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight, integers, integers,
    integers, bool, integers, std::int64_t, std::array<bool, 3> wanted) {
  for (const at::Tensor& tensor : {gradient, input, weight})
    expect_meta(tensor, "convolution's gradient");
  if (wanted[1] || wanted[2]) throw std::runtime_error("convolution: a frozen parameter wants a gradient");
  return {at::empty_like(input), {}, {}};
}

at::Tensor moved(const at::Tensor& tensor, at::Device device) {
  const at::Tensor made = at::empty_strided(tensor.sizes(), tensor.strides(),
                                            tensor.options().device(device).requires_grad(false));
  return device.is_cpu() ? made.zero_() : made;
}

void shapes_from_cpu(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  for (c10::IValue& value : *stack) {
    if (!value.isTensor() || !value.toTensor().defined()) continue;
    expect_meta(value.toTensor(), operation.schema().name());
    value = moved(value.toTensor(), at::kCPU);
  }
  operation.callBoxed(stack);
  for (c10::IValue& value : *stack)
    if (value.isTensor() && value.toTensor().defined()) value = moved(value.toTensor(), at::kMeta);
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("convolution_overrideable", TORCH_FN(convolution));
  library.impl("convolution_backward_overrideable", TORCH_FN(convolution_backward));
  for (const char* name :
       {"_safe_softmax", "embedding_dense_backward", "index_select", "mse_loss_backward", "native_batch_norm",
        "native_group_norm_backward", "native_layer_norm_backward", "var_mean.correction", "where.self"}) {
    library.impl(name, torch::CppFunction::makeFromBoxedFunction<&shapes_from_cpu>());
  }
}

}  // namespace
}  // namespace dvar::training
