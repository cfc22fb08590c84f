#pragma once

#include "data/transform.hpp"
#include "weights/config.hpp"

namespace dvar::evaluation {

/// Reads three numbers of a `preprocessor_config.json`, one per channel, as float32 [1, 3, 1, 1]. Throws
/// `dvar::input_error` when they are missing or wrong.
at::Tensor per_channel(const weights::config_reader& config, std::string_view key);

/// Prepares pictures for a network as the `preprocessor_config.json` of transformers' ViTImageProcessor says.
struct image_preparation {
  /// The edge of the square that the whole picture is squeezed into.
  std::int64_t size = 224;
  data::resampling filter = data::resampling::bilinear;
  at::Tensor mean;       ///< for pixels in [0, 1], float32 [1, 3, 1, 1]
  at::Tensor deviation;  ///< same shape

  /// Reads the configuration. Throws `dvar::input_error`, which names file and key, when it is wrong or asks
  /// for what is not done here: crops, sizes that are no square, other filters, other scales.
  static image_preparation from_config(const weights::config_reader& config);

  /// Turns pictures float32 [n, 3, H, W] in [-1, 1] into float32 [n, 3, size, size] on the CPU. Pictures are
  /// brought to whole levels of 1/255 first, as in the files that the peers read, and resized as Pillow does.
  at::Tensor operator()(const at::Tensor& pictures) const;
};

}  // namespace dvar::evaluation
