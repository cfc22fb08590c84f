#include "models/file_parameters.hpp"

#include <fmt/format.h>

#include "error.hpp"
#include "weights/messages.hpp"

namespace dvar::models {

file_parameters::file_parameters(const weights::weight_map& weights, const placement& placement)
    : weights_{weights}, placement_{placement} {
  for (const std::string& name : weights.names()) {
    const weights::tensor_info& info = weights.info(name);
    bytes_ += c10::multiply_integers(info.shape) * static_cast<std::int64_t>(c10::elementSize(info.dtype));
  }
}

at::ScalarType file_parameters::floating_type(const std::string& name) const {
  const at::ScalarType stored = weights_.info(name).dtype;
  if (at::isFloatingType(stored)) return stored;
  throw input_error(fmt::format("{}: tensor {}: expected F64, F32, F16 or BF16, found {}",
                                weights_.path().string(), weights::in_quotes(weights_.stored_name(name)),
                                weights::to_string(stored)));
}

at::Tensor file_parameters::parameter(const std::string& name, at::IntArrayRef shape, initial_value) {
  used_.insert(name);
  floating_type(name);
  at::Tensor copy = placement_.parameter(weights_.tensor(name, shape));
  // Else a network would be in memory twice while it is opened.
  weights_.release(name);
  return copy;
}

at::Tensor file_parameters::weight(const std::string& name, at::IntArrayRef shape, initial_value initial) {
  if (!placement_.leaves_in_file(floating_type(name), bytes_)) return parameter(name, shape, initial);
  used_.insert(name);
  const bool is_streamed = placement_.weights == weight_place::streamed;
  const at::Tensor view = is_streamed ? weights_.lent(name, shape) : weights_.tensor(name, shape);
  // Its numbers were looked at. What a run uses of them comes back.
  weights_.release(name);
  if (!placement_.device.is_meta()) return view;
  const at::TensorOptions options = view.options().device(placement_.device);
  // Where memory is counted, a weight that is streamed takes some while it is used: it is no more than one number until then.
  return is_streamed ? torch::empty({1}, options).expand(shape) : torch::empty(shape, options);
}

std::vector<std::string> file_parameters::unused() const {
  std::vector<std::string> names;
  for (std::string& name : weights_.names())
    if (!used_.contains(name)) names.push_back(std::move(name));
  return names;
}

}  // namespace dvar::models
