#pragma once

#include "cli/train/train_options.hpp"

namespace dvar::cli {

/// Checks all options as far as it can be done without opening a file, and puts what the texts among them
/// mean into the fields that the training reads. Is called once for the same options, as it adds the rules of
/// --stop. Throws `dvar::input_error` when an option is wrong; names it, what was expected and what was
/// found.
void resolve(train_options& options);

}  // namespace dvar::cli
