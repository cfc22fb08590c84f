#include "models/normed_silu.hpp"

#include <torch/csrc/autograd/custom_function.h>

namespace dvar::models {
namespace {

/// Holds a norm of groups of channels: of images with `batch` pictures of `pixels` pixels.
struct norm_of_groups {
  at::Tensor input;
  at::Tensor weight;
  at::Tensor offset;
  std::int64_t groups;
  double epsilon;

  std::int64_t batch() const { return input.size(0); }
  std::int64_t channels() const { return input.size(1); }
  std::int64_t pixels() const { return input.size(2) * input.size(3); }

  auto computed() const {
    return at::native_group_norm(input, weight, offset, batch(), channels(), pixels(), groups, epsilon);
  }
};

class silu_of_norm : public torch::autograd::Function<silu_of_norm> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& offset, std::int64_t groups,
                            double epsilon) {
    auto [value, mean, deviation] = norm_of_groups{input, weight, offset, groups, epsilon}.computed();
    context->save_for_backward({input, weight, offset, mean, deviation});
    context->saved_data["groups"] = groups;
    context->saved_data["epsilon"] = epsilon;
    return at::silu_(value);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const norm_of_groups of{saved[0], saved[1], saved[2], context->saved_data["groups"].toInt(),
                            context->saved_data["epsilon"].toDouble()};
    const at::Tensor normed = std::get<0>(of.computed());
    const at::Tensor gradient =
        at::silu_backward(outputs.front().contiguous(normed.suggest_memory_format()), normed);
    const auto [of_input, of_weight, of_offset] =
        at::native_group_norm_backward(gradient, of.input, saved[3], saved[4], of.weight, of.batch(),
                                       of.channels(), of.pixels(), of.groups, {true, false, false});
    return {of_input, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor normed_silu(const at::Tensor& input, std::int64_t groups, const at::Tensor& weight,
                       const at::Tensor& offset, double epsilon) {
  const bool is_frozen = !weight.requires_grad() && !offset.requires_grad();
  if (!is_frozen || !input.requires_grad() || !at::GradMode::is_enabled())
    return at::silu(at::group_norm(input, groups, weight, offset, epsilon));
  return silu_of_norm::apply(input.contiguous(input.suggest_memory_format()), weight, offset, groups,
                             epsilon);
}

}  // namespace dvar::models
