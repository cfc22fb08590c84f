/// \file
/// Runs the Vision Transformer (Dosovitskiy et al., arXiv 2010.11929) that turns a picture into features, as
/// DINO trains it (Caron et al., arXiv 2104.14294). Parameter names are those of transformers' ViTModel.
#pragma once

#include "models/transformer_layer.hpp"
#include "weights/config.hpp"

namespace dvar::models {

struct vit_options {
  std::int64_t width = 0;
  std::int64_t feed_forward_width = 0;
  std::int64_t heads = 0;
  std::int64_t layers = 0;
  /// The edge of the pictures that the position embedding was trained with.
  std::int64_t image_size = 224;
  std::int64_t patch_size = 16;
  std::int64_t channels = 3;
  bias projections = bias::with;  ///< whether queries, keys and values have them
  double norm_epsilon = 1e-12;
  activation act = nullptr;
  execution_options execution = {};

  /// Reads a configuration. Throws `dvar::input_error` when it is wrong or its `model_type` is not `vit`, and
  /// names file and key.
  static vit_options from_config(const weights::config_reader& config);
};

/// Runs the whole network but the pooler, a layer behind it that DINO does not train.
class vit {
 public:
  vit(const scope& parameters, const vit_options& options);

  /// Turns pixels [batch, channels, H, W], normalized as the model wants, H and W at least a patch, into the
  /// states after the final norm, [batch, 1 + patches, width]: of the class token, then of the patches row by
  /// row. What is left of the pixels behind the last whole patch is not looked at.
  ///
  /// Pictures of another size than `image_size` get the position embedding resampled (bicubic, without antialiasing) to
  /// their number of patches, as transformers does with `interpolate_pos_encoding=True`.
  at::Tensor states(const at::Tensor& pixels) const;

  /// Returns the state of the class token, [batch, width].
  at::Tensor operator()(const at::Tensor& pixels) const;

  const vit_options& options() const { return options_; }

 private:
  /// Returns the position embedding, [1, 1 + rows * columns, width].
  at::Tensor positions(std::int64_t rows, std::int64_t columns) const;

  vit_options options_;
  at::Tensor class_token_;
  at::Tensor position_embedding_;
  convolution_2d patches_;
  std::vector<transformer_layer> layers_;
  layer_norm norm_out_;
};

}  // namespace dvar::models
