#pragma once

#include "models/clip.hpp"
#include "weights/model_directory.hpp"

namespace dvar::models {

/// Both towers of a CLIP in one file: transformers' CLIPModel, as CLIPs are published.
struct clip_model {
  clip_text text;
  clip_vision vision;

  /// The towers' sizes are those of `text_config` and `vision_config`, the width of both projections that of the whole
  /// configuration. \throws dvar::input_error names file, and key or tensor.
  static clip_model open(const weights::component_files& files, const placement& where);
};

}  // namespace dvar::models
