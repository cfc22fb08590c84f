#include "models/file_parameters.hpp"

namespace dvar::models {

at::Tensor file_parameters::parameter(const std::string& name, at::IntArrayRef shape, initial_value) {
  used_.insert(name);
  return where_.parameter(weights_.tensor(name, shape));
}

std::vector<std::string> file_parameters::unused() const {
  std::vector<std::string> names;
  for (std::string& name : weights_.names()) {
    if (!used_.contains(name)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace dvar::models
