#include "models/file_parameters.hpp"

#include <fmt/format.h>

#include "error.hpp"
#include "weights/messages.hpp"

namespace dvar::models {

at::Tensor file_parameters::parameter(const std::string& name, at::IntArrayRef shape, initial_value) {
  used_.insert(name);
  if (const at::ScalarType stored = weights_.info(name).dtype; !at::isFloatingType(stored)) {
    throw input_error(fmt::format("{}: tensor {}: expected F64, F32, F16 or BF16, found {}",
                                  weights_.path().string(), weights::in_quotes(weights_.stored_name(name)),
                                  weights::to_string(stored)));
  }
  at::Tensor copy = placement_.parameter(weights_.tensor(name, shape));
  // Else a network would be in memory twice while it is opened.
  weights_.release(name);
  return copy;
}

std::vector<std::string> file_parameters::unused() const {
  std::vector<std::string> names;
  for (std::string& name : weights_.names())
    if (!used_.contains(name)) names.push_back(std::move(name));
  return names;
}

}  // namespace dvar::models
