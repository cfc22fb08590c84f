#pragma once

#include "models/clip.hpp"
#include "weights/model_directory.hpp"

namespace dvar::models {

/// Holds both towers of a CLIP in one file: transformers' CLIPModel, as CLIPs are published.
struct clip_model {
  clip_text text;
  clip_vision vision;

  /// Opens both towers. Their sizes are those of `text_config` and `vision_config`, the width of both
  /// projections that of the whole configuration. Throws `dvar::input_error` when something is missing or
  /// wrong, and names file, and key or tensor.
  static clip_model open(const weights::component_files& files, const placement& placement);
};

}  // namespace dvar::models
