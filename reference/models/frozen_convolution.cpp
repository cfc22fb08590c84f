#include "models/frozen_convolution.hpp"

#include <optional>

#include <torch/csrc/autograd/custom_function.h>

#include "models/frozen_product.hpp"
#include "models/frozen_weight.hpp"
#include "weights/lent_pages.hpp"

namespace dvar::models {
namespace {

/// Holds the sizes of a convolution. Pixels are [batch, height, width, channels] here.
struct geometry {
  std::int64_t kernel;
  std::int64_t stride;
  std::int64_t padding;

  std::int64_t results(std::int64_t size) const { return (size + 2 * padding - kernel) / stride + 1; }
};

/// Returns what each result sees: [batch, height', width', k k channels].
at::Tensor columns_of(const at::Tensor& pixels, const geometry& of) {
  const at::Tensor padded =
      at::constant_pad_nd(pixels, {0, 0, of.padding, of.padding, of.padding, of.padding}).contiguous();
  const std::int64_t batch = pixels.size(0), channels = pixels.size(3);
  const std::int64_t height = of.results(pixels.size(1)), width = of.results(pixels.size(2));
  const at::IntArrayRef step = padded.strides();
  return padded
      .as_strided({batch, height, width, of.kernel, of.kernel, channels},
                  {step[0], of.stride * step[1], of.stride * step[2], step[1], step[2], step[3]})
      .reshape({batch, height, width, of.kernel * of.kernel * channels});
}

/// Adds up what the columns say of every pixel: the gradient of `columns_of`, for pixels of a shape.
at::Tensor sums_of(const at::Tensor& columns, at::IntArrayRef pixels, const geometry& of) {
  const std::int64_t height = columns.size(1), width = columns.size(2), channels = pixels[3];
  const at::Tensor parts = columns.view({pixels[0], height, width, of.kernel, of.kernel, channels});
  at::Tensor padded = torch::zeros(
      {pixels[0], pixels[1] + 2 * of.padding, pixels[2] + 2 * of.padding, channels}, columns.options());
  for (std::int64_t y = 0; y < of.kernel; ++y) {
    for (std::int64_t x = 0; x < of.kernel; ++x) {
      padded.slice(1, y, y + of.stride * (height - 1) + 1, of.stride)
          .slice(2, x, x + of.stride * (width - 1) + 1, of.stride)
          .add_(parts.select(4, x).select(3, y));
    }
  }
  return padded.narrow(1, of.padding, pixels[1]).narrow(2, of.padding, pixels[2]);
}

/// Returns the weight as a matrix [out, k k in] of a type: a view where it has channels last and the type.
at::Tensor matrix_of(const at::Tensor& weight, at::ScalarType type) {
  return laid_out(weight, type).permute({0, 2, 3, 1}).flatten(1);
}

class by_columns : public torch::autograd::Function<by_columns> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& pixels,
                            const at::Tensor& weight, const std::optional<at::Tensor>& offset,
                            std::int64_t stride, std::int64_t padding) {
    const geometry of{weight.size(2), stride, padding};
    context->save_for_backward({weight});
    const weights::given_back after_use{weight};
    context->saved_data["shape"] = pixels.sizes().vec();
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return frozen_product(columns_of(pixels, of), matrix_of(weight, pixels.scalar_type()),
                          offset.value_or(at::Tensor{}));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const at::Tensor weight = context->get_saved_variables().front();
    const weights::given_back after_use{weight};
    const geometry of{weight.size(2), context->saved_data["stride"].toInt(),
                      context->saved_data["padding"].toInt()};
    const at::Tensor& gradient = outputs.front();
    const at::Tensor columns = frozen_product(gradient, matrix_of(weight, gradient.scalar_type()).t());
    const std::vector<std::int64_t> shape = context->saved_data["shape"].toIntVector();
    return {sums_of(columns, shape, of), {}, {}, {}, {}};
  }
};

/// Is `at::conv2d` by a frozen weight: of what it is given, LibTorch's own keeps the input too, for a gradient of the weight.
class by_libtorch : public torch::autograd::Function<by_libtorch> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const std::optional<at::Tensor>& offset,
                            std::int64_t stride, std::int64_t padding) {
    context->save_for_backward({weight});
    const weights::given_back after_use{weight};
    context->saved_data["shape"] = input.sizes().vec();
    context->saved_data["format"] = static_cast<std::int64_t>(input.suggest_memory_format());
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return at::conv2d(input, laid_out(weight, input.scalar_type()), offset, stride, padding);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const at::Tensor& gradient = outputs.front();
    const at::Tensor stored = context->get_saved_variables().front();
    const weights::given_back after_use{stored};
    const at::Tensor weight = laid_out(stored, gradient.scalar_type());
    const std::int64_t stride = context->saved_data["stride"].toInt();
    const std::int64_t padding = context->saved_data["padding"].toInt();
    // The gradient of an input wants its shape alone.
    const at::Tensor like_input =
        torch::empty(context->saved_data["shape"].toIntVector(), gradient.options(),
                     static_cast<at::MemoryFormat>(context->saved_data["format"].toInt()));
    const auto [of_input, of_weight, of_offset] = at::convolution_backward(
        gradient, like_input, weight, /*bias_sizes=*/std::nullopt, {stride, stride}, {padding, padding},
        /*dilation=*/{1, 1}, /*transposed=*/false, /*output_padding=*/{0, 0}, /*groups=*/1,
        /*output_mask=*/{true, false, false});
    return {of_input, {}, {}, {}, {}};
  }
};

/// Returns whether laying out the weight would take longer than the pixels, k k times over, take to be laid side by side.
bool has_few_pixels(const at::Tensor& input, const at::Tensor& weight, const geometry& of) {
  const std::int64_t results = input.size(0) * of.results(input.size(2)) * of.results(input.size(3));
  return 4 * results < weight.size(0);
}

}  // namespace

at::Tensor frozen_convolution(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& offset,
                              std::int64_t stride, std::int64_t padding) {
  const geometry of{weight.size(2), stride, padding};
  if (weight.requires_grad()) return at::conv2d(input, weight, offset, stride, padding);
  const std::optional<at::Tensor> added = offset.defined() ? std::optional{offset} : std::nullopt;
  // Where memory is estimated it is a processor's, which takes more.
  if (has_frozen_product(input, weight) || input.is_meta()) {
    const at::Tensor pixels = input.permute({0, 2, 3, 1});
    // A product takes the weight of one place as it lies, in any type.
    if (of.kernel == 1 && stride == 1 && padding == 0)
      return frozen_product(pixels, weight.flatten(1), offset).permute({0, 3, 1, 2});
    if (has_few_pixels(input, weight, of))
      return by_columns::apply(pixels, weight, added, stride, padding).permute({0, 3, 1, 2});
  }
  if (at::GradMode::is_enabled() && input.requires_grad())
    return by_libtorch::apply(input, weight, added, stride, padding);
  const weights::given_back after_use{weight};
  return at::conv2d(input, laid_out(weight, input.scalar_type()), added, stride, padding);
}

}  // namespace dvar::models
