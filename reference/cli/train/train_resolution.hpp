#pragma once

#include "cli/train/train_options.hpp"

namespace dvar::cli {

/// Checks all options as far as it can be done without opening a file, and puts what the texts among them
/// mean into the fields that the training reads. Throws `dvar::input_error` when an option is wrong; names it, what was expected and what was
/// found.
void resolve(train_options& options);

/// Returns what stops a run with these texts at the latest at this step. Throws `dvar::input_error` as `resolve` does.
training::stopping_options stopping_of(const train_options::texts& text, std::int64_t step_limit,
                                       std::int64_t probe_every);

}  // namespace dvar::cli
