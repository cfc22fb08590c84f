#pragma once

#include <functional>
#include <map>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/trace/trace_record.hpp>

#include "training/best_embedding.hpp"
#include "training/probe_options.hpp"
#include "training/run_trace.hpp"
#include "training/stopping.hpp"
#include "training/textual_inversion.hpp"

namespace dvar::training {

struct inversion_run_options {
  probe_options probe{};
  std::int64_t probe_every = 1;  ///< steps from one probe to the next; 0: there is none
  bool probe_thirds = false;     ///< also probe at timesteps of each third of the schedule, for the trace
  stopping_options stopping{};
};

/// Those of the first rank; the others write none, but read the checkpoint of a run that is resumed.
struct run_files {
  std::filesystem::path trace;  ///< JSON lines, one a step
  std::filesystem::path
      checkpoint;  ///< read if `resume`, written at once, every so many steps and at the end
  std::int64_t checkpoint_every = 100;
  bool resume = false;
  std::string configuration;  ///< JSON, kept in the checkpoint; a resumed run must have the same
};

/// How good samples drawn with the vectors as they are turned out.
struct scores_of_samples {
  double clip = 0.0;  ///< what rules on scores are shown, and the best embedding is chosen by
  std::map<std::string, double> others{};  ///< for the trace, by their names there
};

struct run_hooks {
  /// Called after every step with its record, what else was measured, and the verdict, on every rank.
  std::function<void(const trace_record&, const step_extras&, const verdict&)> on_step;
  /// Asked before every step; true on any rank ends the run with a checkpoint.
  std::function<bool()> interrupted;
  /// Draws samples with the vectors as they are, and scores them; needed by the first rank, which alone is asked, where
  /// the options want scores. Must not touch the training.
  std::function<scores_of_samples()> score{};
};

/// The best of a run's embeddings, and by what.
struct best_of_run {
  std::string measure;  ///< `CLIP score` or `probe loss`
  double value = 0.0;
  std::int64_t step = 0;
  at::Tensor vectors;
};

struct run_result {
  bool interrupted = false;
  std::string stop_reason;  ///< the criterion's name, e.g. `variance_ratio`
  std::string sentence;     ///< the criterion's words
  std::int64_t step = 0;    ///< the last step that was taken
  trace records;
  std::optional<best_of_run> best{};  ///< the highest score if samples are scored, else the lowest probe loss
};

/// Trains until one of the stopping rules, the step limit or a non-finite loss stops it, or `interrupted` says so. An
/// interrupted or killed run goes on from its checkpoint, with `resume`, as if nothing had happened: what was done behind
/// the checkpoint is done again, in the same way. All ranks of the inversion's group end at the same step, for all see the
/// same numbers, and one that a clock tells to stop says so to the others.
/// \throws dvar::input_error if a file cannot be written, or a checkpoint does not belong to this run.
run_result run_inversion(textual_inversion& inversion, const inversion_run_options& options,
                         const run_files& files, const run_hooks& hooks);

}  // namespace dvar::training
