#pragma once

#include <span>

#include "training/concept_training.hpp"

namespace dvar::training {

/// Holds what a run needs to go on bit for bit: parameters, optimizer, criterion, probe and trace, and the step
/// they belong to. Random numbers need no place in it: see `random_of_step`.
struct checkpoint {
  std::int64_t step = 0;
  std::map<std::string, at::Tensor> inversion;  ///< is `concept_training::state`
  std::vector<std::byte> monitor;               ///< is `dvar::save_state` of the run's monitor
  at::Tensor
      best{};  ///< is what was best so far, as `parameter_set::values` has it; undefined if there is none
  std::string configuration;  ///< is JSON of the run that wrote it
};

/// Says what becomes of the checkpoint that another one replaces.
enum class replaced_checkpoint { kept, discarded };

/// Returns where the checkpoint before this one is kept: `checkpoint.previous.safetensors`.
std::filesystem::path previous_of(const std::filesystem::path& file);

/// Writes one safetensors file with a checksum over all that it holds, atomically; the one that it replaces is kept beside it.
/// Throws `dvar::input_error` when a file cannot be written.
void write_checkpoint(const std::filesystem::path& file, const checkpoint& saved,
                      replaced_checkpoint replaced = replaced_checkpoint::kept);

/// Reads a checkpoint. Throws `dvar::input_error` when the file is missing, broken or no checkpoint, or a byte of it is not as
/// it was written.
checkpoint read_checkpoint(const std::filesystem::path& file);

/// Holds the newest checkpoint that can be read.
struct found_checkpoint {
  checkpoint saved;
  /// Says why the newest of all cannot be read, where this is the one before it; else empty.
  std::string damage;
};

/// Reads a checkpoint, or the one before it where it is missing or damaged. Throws `dvar::input_error` when neither can be
/// read, and says what is wrong with the first.
found_checkpoint read_newest_checkpoint(const std::filesystem::path& file);

}  // namespace dvar::training
