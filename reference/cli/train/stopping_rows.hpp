#pragma once

#include "cli/train/train_options.hpp"

namespace dvar::cli {

/// Returns the requirement that samples are scored.
requirement scored_samples(const train_options& options);

/// Returns the rows of `dvar train` that say when a run stops, and by what.
option_rows stopping_rows(train_options& options);

/// Returns those of the probe.
option_rows probe_rows(train_options& options);

}  // namespace dvar::cli
