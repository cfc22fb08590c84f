#pragma once

#include "data/transform.hpp"
#include "weights/config.hpp"

namespace dvar::evaluation {

/// Three numbers of a `preprocessor_config.json`, one per channel, as float32 [1, 3, 1, 1]. \throws dvar::input_error
at::Tensor per_channel(const weights::config_reader& config, std::string_view key);

/// What the `preprocessor_config.json` of transformers' ViTImageProcessor says is done to a picture before a network sees it.
struct image_preparation {
  std::int64_t size = 224;  ///< edge of the square that the whole picture is squeezed into
  data::resampling filter = data::resampling::bilinear;
  at::Tensor mean;       ///< of pixels in [0, 1], float32 [1, 3, 1, 1]
  at::Tensor deviation;  ///< same shape

  /// \throws dvar::input_error names file and key, also for what is not done here: crops, sizes that are no square, other
  /// filters, other scales.
  static image_preparation from_config(const weights::config_reader& config);

  /// pictures float32 [n, 3, H, W] in [-1, 1] → float32 [n, 3, size, size] on the CPU. Pictures are brought to whole levels
  /// of 1/255 first, as in the files that the peers read, and resized as Pillow does.
  at::Tensor operator()(const at::Tensor& pictures) const;
};

}  // namespace dvar::evaluation
