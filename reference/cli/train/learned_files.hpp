#pragma once

#include "cli/train/train_options.hpp"
#include "cli/train/train_summary.hpp"

namespace dvar::cli {

/// Writes what a run has learned, the last of it and the best: the embeddings, and LoRAs or weights if the method learns any, whose
/// files it adds to the summary. Throws `dvar::input_error` when a file cannot be written.
void write_learned(const train_options& options, const output_directory& output,
                   const training::concept_training& inversion, run_summary& summary);

/// Writes what a run has learned up to a step, in the same forms, into its folder of snapshots. Throws `dvar::input_error` when a file
/// cannot be written.
void write_snapshot(const train_options& options, const output_directory& output,
                    const training::concept_training& inversion, const run_summary& summary,
                    std::int64_t step);

}  // namespace dvar::cli
