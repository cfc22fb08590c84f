#pragma once

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/variance_ratio.hpp>
#include <dvar/trace/trace_record.hpp>
#include <functional>

#include "training/inversion_probe.hpp"

namespace dvar::training {

struct stopping_options {
  variance_ratio_options rule = presets::v2;
  std::int64_t step_limit = 6100;
};

struct run_files {
  std::filesystem::path trace;       ///< JSON lines, one a step
  std::filesystem::path checkpoint;  ///< read if `resume`, written every so many steps and when interrupted
  std::int64_t checkpoint_every = 100;
  bool resume = false;
  std::string configuration;  ///< JSON, kept in the checkpoint; a resumed run must have the same
};

struct run_result {
  bool interrupted = false;
  std::string stop_reason;  ///< the criterion's name, e.g. `variance_ratio`
  std::string sentence;     ///< the criterion's words
  std::int64_t step = 0;    ///< the last step that was taken
  trace records;
};

/// Called after every step with its record and the verdict.
using step_listener = std::function<void(const trace_record&, const verdict&)>;

/// Trains until the variance-ratio rule, the step limit or a non-finite loss stops it, or `interrupted` says so. An
/// interrupted run has written a checkpoint and goes on, with `resume`, as if nothing had happened.
/// \throws dvar::input_error if a file cannot be written, or a checkpoint does not belong to this run.
run_result run_inversion(textual_inversion& inversion, const probe_options& probe, std::int64_t probe_every,
                         const stopping_options& stopping, const run_files& files,
                         const step_listener& listener, const std::function<bool()>& interrupted);

}  // namespace dvar::training
