#pragma once

#include "cli/train/train_options.hpp"
#include "training/memory_estimate.hpp"

namespace dvar::cli {

/// Estimates the memory that the run will take on its device, and returns a line that says it. Throws `dvar::input_error`, which
/// says what takes most and what would take less, when it cannot fit. In a dry run the estimate is what was asked for: the line
/// may be JSON, and nothing is refused.
std::string check_memory(const train_options& options, const training::model_shapes& shapes,
                         const models::placement& placement, const data::concept_dataset& pictures);

}  // namespace dvar::cli
