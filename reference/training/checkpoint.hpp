#pragma once

#include <span>

#include "training/textual_inversion.hpp"

namespace dvar::training {

/// Holds what a run needs to go on bit for bit: vectors, optimizer, criterion, probe and trace, and the step
/// they belong to. Random numbers need no place in it: see `random_of_step`.
struct checkpoint {
  std::int64_t step = 0;
  std::map<std::string, at::Tensor> inversion;  ///< is `textual_inversion::state`
  std::vector<std::byte> monitor;               ///< is `dvar::save_state` of the run's monitor
  at::Tensor best{};                            ///< is the best embedding so far; undefined if there is none
  std::string configuration;                    ///< is JSON of the run that wrote it
};

/// Writes one safetensors file, atomically.
void write_checkpoint(const std::filesystem::path& file, const checkpoint& saved);

/// Reads a checkpoint. Throws `dvar::input_error` when the file is missing, broken or no checkpoint.
checkpoint read_checkpoint(const std::filesystem::path& file);

}  // namespace dvar::training
