#pragma once

#include <span>

#include "training/textual_inversion.hpp"

namespace dvar::training {

/// What a run needs to go on bit for bit: vectors, optimiser, criterion, probe and trace, and the step they belong to.
/// Random numbers need no place in it: see `random_of_step`.
struct checkpoint {
  std::int64_t step = 0;
  std::map<std::string, at::Tensor> inversion;  ///< `textual_inversion::state`
  std::vector<std::byte> monitor;               ///< `dvar::save_state` of the convergence monitor
  std::vector<std::byte> progress{};            ///< the same of what the run keeps beside it
  at::Tensor best{};                            ///< the best embedding so far; undefined if there is none
  std::string configuration;                    ///< JSON of the run that wrote it
};

/// Writes one safetensors file, atomically.
void write_checkpoint(const std::filesystem::path& file, const checkpoint& saved);

/// \throws dvar::input_error if the file is missing, broken or no checkpoint.
checkpoint read_checkpoint(const std::filesystem::path& file);

}  // namespace dvar::training
