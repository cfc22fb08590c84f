#pragma once

#include "cli/train/train_options.hpp"
#include "cli/train/train_output.hpp"

namespace dvar::cli {

/// Writes what a run has learned, the last of it and the best: the embeddings, and LoRAs if the method learns any, whose files it
/// adds to the summary. Throws `dvar::input_error` when a file cannot be written.
void write_learned(const train_options& options, const output_directory& output,
                   const training::concept_training& inversion, run_summary& summary);

}  // namespace dvar::cli
