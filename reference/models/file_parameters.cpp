#include "models/file_parameters.hpp"

namespace dvar::models {

at::Tensor file_parameters::parameter(const std::string& name, at::IntArrayRef shape, initial_value) {
  used_.insert(name);
  const at::Tensor stored = weights_.tensor(name, shape);
  // Always a copy: a page of the mapped file may change under us, and a view of it could not be written to.
  return stored.to(stored.options().dtype(where_.dtype).device(where_.device), /*non_blocking=*/false,
                   /*copy=*/true,
                   stored.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

std::vector<std::string> file_parameters::unused() const {
  std::vector<std::string> names;
  for (std::string& name : weights_.names()) {
    if (!used_.contains(name)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace dvar::models
