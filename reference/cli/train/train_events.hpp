#pragma once

#include "cli/train/train_options.hpp"
#include "cli/train/train_summary.hpp"
#include "reporting/event_file.hpp"

namespace dvar::cli {

/// Writes what a run shows in TensorBoard: every value of its trace and the learning rate of every step; at
/// the end the samples, before at step 0 and after at the last one, with their similarity to the pictures.
///
/// A resumed run begins another file, before which TensorBoard forgets what was done behind the checkpoint. With
/// `--no-tensorboard`, and by ranks other than the first, nothing is written.
class train_events {
 public:
  train_events(const train_options& options, const output_directory& output, bool is_first_rank);

  /// Adds a step. Throws `dvar::input_error` when the file cannot be written, as the other `add` does.
  void add(const trace_record& record);

  /// Adds the samples and scores when all is done.
  void add(const run_summary& summary);

 private:
  reporting::event_file& file(std::int64_t step);

  const train_options& options_;
  std::filesystem::path folder_;
  bool written_;
  std::optional<reporting::event_file> file_;
};

}  // namespace dvar::cli
