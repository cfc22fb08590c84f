#pragma once

#include "cli/train/train_options.hpp"

namespace dvar::cli {

/// Returns the rows of `dvar train` that say what is learned, and how a class is kept as it was.
option_rows method_rows(train_options& options);

}  // namespace dvar::cli
