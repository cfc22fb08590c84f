#include "models/parameters.hpp"

#include <cmath>
#include <stdexcept>

#include <ATen/CPUGeneratorImpl.h>

namespace dvar::models {

initial_value initial_value::fan_in(std::int64_t fan_in) {
  return {distribution::uniform, 1.0 / std::sqrt(static_cast<double>(fan_in))};
}

random_parameters::random_parameters(std::uint64_t seed)
    : generator_{at::make_generator<at::CPUGeneratorImpl>(seed)} {}

at::Tensor random_parameters::parameter(const std::string& name, at::IntArrayRef shape,
                                        initial_value initial) {
  at::Tensor value = torch::empty(shape, at::kFloat);
  switch (initial.kind) {
    case initial_value::distribution::constant:
      value.fill_(initial.scale);
      break;
    case initial_value::distribution::normal:
      value.normal_(0.0, initial.scale, generator_);
      break;
    case initial_value::distribution::uniform:
      value.uniform_(-initial.scale, initial.scale, generator_);
      break;
  }
  // Convolutions run several times faster on CPUs when weights and activations keep channels last.
  if (value.dim() == 4) value = value.contiguous(at::MemoryFormat::ChannelsLast);
  if (!drawn_.emplace(name, value).second) throw std::logic_error("parameter drawn twice: " + name);
  return value;
}

}  // namespace dvar::models
