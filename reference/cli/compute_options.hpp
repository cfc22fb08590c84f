#pragma once

#include <string>

#include "models/placement.hpp"

namespace CLI {
class App;
}

namespace dvar::cli {

/// The options that say where and how the networks compute, shared by the commands that run a model.
struct compute_options {
  std::string device = "auto";
  std::string precision = "fp32";
  std::string attention = "auto";
  bool gradient_checkpointing = false;
  std::int64_t local_rank = 0;  ///< which GPU `auto` and `cuda` mean, counted round where there are fewer
};

/// Adds `--device`, `--precision` and `--attention`, and for training `--gradient-checkpointing`.
void add_compute_options(CLI::App& command, compute_options& options, bool trains);

/// The device that `--device` means: `auto` is a GPU if there is one, else the CPU.
/// \throws dvar::input_error if there is no such device, or LibTorch cannot use it.
at::Device device_of(const compute_options& options);

/// What the options mean, tried out on the device with a small network.
/// \throws dvar::input_error names the option, what was expected and what was found.
models::placement placement_of(const compute_options& options);

}  // namespace dvar::cli
