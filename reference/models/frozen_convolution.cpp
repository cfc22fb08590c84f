#include "models/frozen_convolution.hpp"

#include <optional>

#include <torch/csrc/autograd/custom_function.h>

#include "models/frozen_product.hpp"

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

/// Returns the weight as a matrix [out, k k in]: a view where it has channels last.
at::Tensor matrix_of(const at::Tensor& weight) {
  return weight.permute({0, 2, 3, 1}).flatten(1);
}

class by_columns : public torch::autograd::Function<by_columns> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& pixels,
                            const at::Tensor& weight, const std::optional<at::Tensor>& offset,
                            std::int64_t stride, std::int64_t padding) {
    const geometry of{weight.size(2), stride, padding};
    context->save_for_backward({weight});
    context->saved_data["shape"] = pixels.sizes().vec();
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return frozen_product(columns_of(pixels, of), matrix_of(weight), offset.value_or(at::Tensor{}));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const at::Tensor weight = context->get_saved_variables().front();
    const geometry of{weight.size(2), context->saved_data["stride"].toInt(),
                      context->saved_data["padding"].toInt()};
    const at::Tensor columns = frozen_product(outputs.front(), matrix_of(weight).t());
    const std::vector<std::int64_t> shape = context->saved_data["shape"].toIntVector();
    return {sums_of(columns, shape, of), {}, {}, {}, {}};
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
  if (!has_frozen_product(input, weight)) return at::conv2d(input, weight, offset, stride, padding);
  const at::Tensor pixels = input.permute({0, 2, 3, 1});
  const bool is_pointwise = of.kernel == 1 && stride == 1 && padding == 0;
  if (is_pointwise) return frozen_product(pixels, matrix_of(weight), offset).permute({0, 3, 1, 2});
  if (!has_few_pixels(input, weight, of)) return at::conv2d(input, weight, offset, stride, padding);
  const std::optional<at::Tensor> added = offset.defined() ? std::optional{offset} : std::nullopt;
  return by_columns::apply(pixels, weight, added, stride, padding).permute({0, 3, 1, 2});
}

}  // namespace dvar::models
