#pragma once

#include "cli/train/train_command.hpp"
#include "cli/train/train_output.hpp"
#include "reporting/event_file.hpp"

namespace dvar::cli {

/// What a run shows in TensorBoard: every value of its trace and the learning rate of every step; at the end the samples,
/// before at step 0 and after at the last one, with their similarity to the pictures.
///
/// A resumed run begins another file, before which TensorBoard forgets what was done behind the checkpoint. With
/// `--no-tensorboard`, and by ranks other than the first, nothing is written.
class train_events {
 public:
  train_events(const train_command& command, const output_directory& output, bool is_first_rank);

  /// After every step. \throws dvar::input_error if the file cannot be written; the same below.
  void add(const trace_record& record, const training::step_extras& extras);

  /// When all is done.
  void add(const run_summary& summary);

 private:
  reporting::event_file& file(std::int64_t step);

  const train_command& command_;
  std::filesystem::path folder_;
  bool written_;
  std::optional<reporting::event_file> file_;
};

}  // namespace dvar::cli
