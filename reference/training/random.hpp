#pragma once

#include <random>

#include <ATen/CPUGeneratorImpl.h>

#include "torch.hpp"

namespace dvar::training {

/// Makes a generator of LibTorch's own stream on the CPU: the same seed gives the same draws whatever
/// device trains.
inline at::Generator seeded_generator(std::uint64_t seed) {
  return at::make_generator<at::CPUGeneratorImpl>(seed);
}

/// Holds the random numbers of one training step.
struct step_random {
  std::mt19937_64 engine;   ///< for indices and choices
  at::Generator generator;  ///< for tensors
};

/// Returns the draws of a step, a function of seed and step alone: a resumed run needs no saved random state,
/// and nothing that happens between two steps can shift the draws of the second.
inline step_random random_of_step(std::uint64_t seed, std::int64_t step) {
  std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)};
  std::mt19937_64 engine{words};
  at::Generator generator = seeded_generator(engine());
  return {engine, std::move(generator)};
}

}  // namespace dvar::training
