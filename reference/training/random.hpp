#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include "torch.hpp"

namespace dvar::training {

/// A generator of LibTorch's own stream on the CPU: the same seed gives the same draws whatever device trains.
inline at::Generator seeded_generator(std::uint64_t seed) {
  return at::make_generator<at::CPUGeneratorImpl>(seed);
}

}  // namespace dvar::training
