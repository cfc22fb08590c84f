#pragma once

#include "cli/train/train_options.hpp"

namespace dvar::cli {

/// Returns the rows of `dvar train` that say how steps are made.
option_rows training_rows(train_options& options);

/// Returns those that say what a token begins as.
option_rows initialization_rows(train_options& options);

}  // namespace dvar::cli
