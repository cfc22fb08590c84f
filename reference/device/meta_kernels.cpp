#include "device/meta_kernels.hpp"

#include <array>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <tuple>

#include <ATen/AccumulateType.h>
#include <ATen/ExpandUtils.h>
#include <torch/library.h>

#include "torch.hpp"

namespace dvar::device {
namespace {

// Every function refuses a tensor that is not on `meta`, as LibTorch's own do.
void expect_meta(std::initializer_list<at::Tensor> tensors, const char* operation) {
  for (const at::Tensor& tensor : tensors)
    if (tensor.defined() && !tensor.is_meta())
      throw std::runtime_error(std::string{operation}
                                   .append(": expected tensors on meta, found one on ")
                                   .append(tensor.device().str()));
}

void expect_frozen(bool wants_gradient, const char* layer) {
  if (wants_gradient)
    throw std::runtime_error(std::string{layer}.append(": a frozen parameter wants a gradient"));
}

at::Tensor value_of(const std::optional<at::Tensor>& tensor) {
  return tensor.value_or(at::Tensor{});
}

using integers = at::IntArrayRef;
using two_tensors = std::tuple<at::Tensor, at::Tensor>;
using three_tensors = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias, integers stride, integers padding, integers,
                       bool, integers, std::int64_t) {
  expect_meta({input, weight, value_of(bias)}, "convolution");
  const auto size = [&](std::int64_t dim) {
    const auto i = static_cast<std::size_t>(dim - 2);
    return (input.size(dim) + 2 * padding[i] - weight.size(dim)) / stride[i] + 1;
  };
  // The weights are channels last, and with them what comes out.
  return torch::empty({input.size(0), weight.size(0), size(2), size(3)}, input.options(),
                      at::MemoryFormat::ChannelsLast);
}

three_tensors convolution_backward(const at::Tensor& gradient, const at::Tensor& input,
                                   const at::Tensor& weight, integers, integers, integers, bool, integers,
                                   std::int64_t, std::array<bool, 3> wanted) {
  expect_meta({gradient, input, weight}, "the gradient of a convolution");
  // Factors of a convolution are learned, and have no bias.
  expect_frozen(wanted[2], "the bias of a convolution");
  return {at::empty_like(input), wanted[1] ? at::empty_like(weight) : at::Tensor{}, {}};
}

/// Returns the options of what normalizations keep: fp32 unless the input is wider.
at::TensorOptions of_moments(const at::Tensor& input) {
  return input.options().dtype(at::toAccumulateType(input.scalar_type(), /*is_cuda=*/true));
}

three_tensors group_norm(const at::Tensor& input, const std::optional<at::Tensor>& weight,
                         const std::optional<at::Tensor>& bias, std::int64_t batch, std::int64_t,
                         std::int64_t, std::int64_t groups, double) {
  expect_meta({input, value_of(weight), value_of(bias)}, "group_norm");
  const at::Tensor mean = torch::empty({batch, groups}, of_moments(input));
  return {at::empty_like(input), mean, at::empty_like(mean)};
}

three_tensors group_norm_backward(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& mean,
                                  const at::Tensor& deviation, const std::optional<at::Tensor>& weight,
                                  std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                  std::array<bool, 3> wanted) {
  expect_meta({gradient, input, mean, deviation, value_of(weight)}, "the gradient of group_norm");
  expect_frozen(wanted[1] || wanted[2], "group_norm");
  return {at::empty_like(input), {}, {}};
}

three_tensors layer_norm(const at::Tensor& input, integers shape, const std::optional<at::Tensor>& weight,
                         const std::optional<at::Tensor>& bias, double) {
  expect_meta({input, value_of(weight), value_of(bias)}, "layer_norm");
  std::vector<std::int64_t> sizes = input.sizes().vec();
  std::fill(sizes.end() - static_cast<std::ptrdiff_t>(shape.size()), sizes.end(), 1);
  const at::Tensor mean = torch::empty(sizes, of_moments(input));
  return {at::empty_like(input), mean, at::empty_like(mean)};
}

three_tensors layer_norm_backward(const at::Tensor& gradient, const at::Tensor& input, integers,
                                  const at::Tensor& mean, const at::Tensor& deviation,
                                  const std::optional<at::Tensor>& weight,
                                  const std::optional<at::Tensor>& bias, std::array<bool, 3> wanted) {
  expect_meta({gradient, input, mean, deviation, value_of(weight), value_of(bias)},
              "the gradient of layer_norm");
  expect_frozen(wanted[1] || wanted[2], "layer_norm");
  return {at::empty_like(input), {}, {}};
}

// What `models::multi_head_attention` calls on this device: it keeps what the fused forms keep on a GPU.
two_tensors attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, double, bool,
                      const std::optional<at::Tensor>& mask, std::optional<double>) {
  expect_meta({query, key, value, value_of(mask)}, "attention");
  // As the heads are laid out for the layer that joins them.
  const at::Tensor mixed =
      torch::empty({query.size(0), query.size(2), query.size(1), value.size(3)}, query.options())
          .transpose(1, 2);
  return {mixed,
          torch::empty({query.size(0), query.size(2), query.size(1)}, query.options().dtype(at::kFloat))};
}

three_tensors attention_backward(const at::Tensor& gradient, const at::Tensor& query, const at::Tensor& key,
                                 const at::Tensor& value, const at::Tensor& mixed, const at::Tensor& sums,
                                 double, bool, const std::optional<at::Tensor>& mask, std::optional<double>) {
  expect_meta({gradient, query, key, value, mixed, sums, value_of(mask)}, "the gradient of attention");
  return {at::empty_like(query), at::empty_like(key), at::empty_like(value)};
}

at::Tensor index_select(const at::Tensor& input, std::int64_t dim, const at::Tensor& index) {
  expect_meta({input, index}, "index_select");
  std::vector<std::int64_t> sizes = input.sizes().vec();
  sizes[static_cast<std::size_t>(dim)] = index.numel();
  return torch::empty(sizes, input.options());
}

at::Tensor where(const at::Tensor& condition, const at::Tensor& one, const at::Tensor& other) {
  expect_meta({condition, one, other}, "where");
  return torch::empty(at::infer_size(condition.sizes(), at::infer_size(one.sizes(), other.sizes())),
                      one.options().dtype(at::result_type(one, other)));
}

at::Tensor mse_loss_backward(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& target,
                             std::int64_t) {
  expect_meta({gradient, input, target}, "the gradient of mse_loss");
  return at::empty_like(input);
}

at::Tensor embedding_backward(const at::Tensor& gradient, const at::Tensor& ids, std::int64_t rows,
                              std::int64_t, bool) {
  expect_meta({gradient, ids}, "the gradient of embedding");
  return torch::empty({rows, gradient.size(-1)}, gradient.options());
}

}  // namespace

void register_meta_kernels() {
  static const torch::Library library = [] {
    torch::Library kernels{torch::Library::IMPL, "aten", c10::DispatchKey::Meta, __FILE__, __LINE__};
    kernels.impl("convolution_overrideable", TORCH_FN(convolution));
    kernels.impl("convolution_backward_overrideable", TORCH_FN(convolution_backward));
    kernels.impl("native_group_norm", TORCH_FN(group_norm));
    kernels.impl("native_group_norm_backward", TORCH_FN(group_norm_backward));
    kernels.impl("native_layer_norm", TORCH_FN(layer_norm));
    kernels.impl("native_layer_norm_backward", TORCH_FN(layer_norm_backward));
    kernels.impl("_scaled_dot_product_flash_attention_for_cpu", TORCH_FN(attention));
    kernels.impl("_scaled_dot_product_flash_attention_for_cpu_backward", TORCH_FN(attention_backward));
    kernels.impl("index_select", TORCH_FN(index_select));
    kernels.impl("where.self", TORCH_FN(where));
    kernels.impl("mse_loss_backward", TORCH_FN(mse_loss_backward));
    kernels.impl("embedding_dense_backward", TORCH_FN(embedding_backward));
    return kernels;
  }();
  static_cast<void>(library);
}

}  // namespace dvar::device
