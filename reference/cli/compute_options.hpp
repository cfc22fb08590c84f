#pragma once

#include <string>

#include "cli/options/option_row.hpp"
#include "models/placement.hpp"

namespace dvar::cli {

/// Holds the options that say where and how the networks compute, shared by the commands that run a model.
struct compute_options {
  std::string device = "auto";
  std::string precision = "fp32";
  std::string attention = "auto";
  std::string weights = "auto";
  std::string graphs = "auto";
  bool gradient_checkpointing = false;
  /// Numbers the GPU that `auto` and `cuda` mean, counted round where there are fewer.
  std::int64_t local_rank = 0;
};

/// Returns the rows of `--device`, `--precision`, `--attention`, `--weights` and `--graphs`, and for training
/// `--gradient-checkpointing`.
option_rows compute_rows(compute_options& options, bool trains);

/// Returns the device that `--device` means: `auto` is a GPU if there is one, else the CPU. Throws
/// `dvar::input_error` when there is no such device, or LibTorch cannot use it.
at::Device device_of(const compute_options& options);

/// Returns what the options mean, tried out on the device with a small network. Throws `dvar::input_error`
/// when that fails, and names the option, what was expected and what was found.
models::placement placement_of(const compute_options& options);

}  // namespace dvar::cli
