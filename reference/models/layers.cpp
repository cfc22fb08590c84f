#include "models/layers.hpp"

#include <fmt/format.h>

#include "error.hpp"
#include "models/frozen_convolution.hpp"
#include "models/normed_silu.hpp"

namespace dvar::models {
namespace {

at::Tensor silu(const at::Tensor& input) {
  return at::silu(input);
}
at::Tensor gelu(const at::Tensor& input) {
  return at::gelu(input);
}
// Hendrycks and Gimpel, arXiv 1606.08415, section 2: the sigmoid approximation that OpenAI's CLIP was trained with.
at::Tensor quick_gelu(const at::Tensor& input) {
  return input * at::sigmoid(1.702 * input);
}

}  // namespace

linear::linear(const scope& parameters, std::int64_t in, std::int64_t out, bias kind)
    : linear{parameters, in, out, kind, initial_value::fan_in(in)} {}

linear::linear(const scope& parameters, std::int64_t in, std::int64_t out, bias kind, initial_value initial)
    : weight{parameters.weight({out, in}, initial)}, added{.layer = parameters.name(), .in = in, .out = out} {
  if (kind == bias::with) offset = parameters("bias", {out}, initial_value::zeros());
}

convolution_2d::convolution_2d(const scope& parameters, std::int64_t in, std::int64_t out,
                               const convolution_options& options)
    : stride{options.stride},
      padding{options.padding},
      added{.layer = parameters.name(), .in = in, .out = out, .convolution = true, .kernel = options.kernel} {
  const std::int64_t fan_in = in * options.kernel * options.kernel;
  weight = parameters.weight({out, in, options.kernel, options.kernel},
                             options.starts_at_zero ? initial_value::zeros() : initial_value::fan_in(fan_in));
  if (options.kind == bias::with) offset = parameters("bias", {out}, initial_value::zeros());
}

at::Tensor convolution_2d::operator()(const at::Tensor& input, const at::Tensor& keys) const {
  return added.convolved(frozen_convolution(input, weight, offset, stride, padding), input, stride, padding,
                         keys);
}

group_norm::group_norm(const scope& parameters, std::int64_t group_count, std::int64_t channels, double eps)
    : weight{parameters("weight", {channels}, initial_value::ones())},
      offset{parameters("bias", {channels}, initial_value::zeros())},
      groups{group_count},
      epsilon{eps} {}

at::Tensor group_norm::operator()(const at::Tensor& input) const {
  return at::group_norm(input, groups, weight, offset, epsilon);
}

at::Tensor group_norm::then_silu(const at::Tensor& input) const {
  return normed_silu(input, groups, weight, offset, epsilon);
}

layer_norm::layer_norm(const scope& parameters, std::int64_t width, double eps)
    : weight{parameters("weight", {width}, initial_value::ones())},
      offset{parameters("bias", {width}, initial_value::zeros())},
      epsilon{eps} {}

at::Tensor layer_norm::operator()(const at::Tensor& input) const {
  return at::layer_norm(input, weight.sizes(), weight, offset, epsilon);
}

activation activation_named(const std::string& name, const std::string& location) {
  if (name == "silu" || name == "swish") return silu;
  if (name == "gelu") return gelu;
  if (name == "quick_gelu") return quick_gelu;
  throw input_error(fmt::format("{}: expected silu, gelu or quick_gelu, found '{}'", location, name));
}

}  // namespace dvar::models
