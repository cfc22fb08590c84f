#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <dvar/trace/trace.hpp>

#include "training/concept_training.hpp"
#include "training/run_monitor.hpp"

namespace dvar::training {

/// Says what was to stop the run that is resumed, where something else is to stop it now.
struct former_stopping {
  std::string configuration;  ///< is that of its checkpoint
  stopping_options options;
};

/// Names the files of a run. The first rank writes them; the others read the checkpoint of a run that is
/// resumed.
struct run_files {
  /// Names the trace: JSON lines, one a step.
  std::filesystem::path trace;
  /// Names the checkpoint, read by a run that is resumed; written at once, every so many steps and at the
  /// end.
  std::filesystem::path checkpoint;
  std::int64_t checkpoint_every = 100;
  bool resume = false;
  /// Holds JSON that is kept in the checkpoint; a resumed run must have the same.
  std::string configuration;
  /// Lets a run be resumed whose configuration differs by what stops it. The new rules are shown all that was recorded.
  std::optional<former_stopping> former{};
};

/// Holds what a run calls.
struct run_hooks {
  /// Is called after every step with its record, on every rank.
  std::function<void(const trace_record&)> on_step;
  /// Is asked before every step; true on any rank ends the run with a checkpoint.
  std::function<bool()> interrupted;
  /// Draws samples and scores them: see `run_monitor`.
  std::function<sample_scores()> score{};
};

/// Says when what a run had learned was at its best, and by what.
struct best_of_run {
  /// Names what is compared: "CLIP score" or "probe loss".
  std::string measure;
  double value = 0.0;
  std::int64_t step = 0;
  at::Tensor parameters;  ///< as `parameter_set::values` has them
};

/// Says how a run ended.
struct run_result {
  /// Says what ended the run; no value when it was interrupted.
  std::optional<run_stop> stop;
  /// Holds the last step that was taken.
  std::int64_t step = 0;
  trace records;
  /// Lists the numbers by which the rules judged.
  std::vector<judged_number> judged;
  std::optional<best_of_run> best{};
};

/// Trains until one of the stopping rules, the step limit or a number that is not finite stops it, or `interrupted` says so.
/// An interrupted or killed run goes on from its checkpoint, with `resume`, as if nothing had happened: what was done behind
/// the checkpoint is done again, in the same way. All ranks of the inversion's group end at the same step.
///
/// Throws `dvar::input_error` when a file cannot be written, a checkpoint does not belong to this run, or new rules would have
/// stopped it before the step of its checkpoint.
run_result run_inversion(concept_training& inversion, const monitor_options& options, const run_files& files,
                         const run_hooks& hooks);

}  // namespace dvar::training
