#pragma once

#include "models/layers.hpp"

namespace dvar::models {

struct resnet_options {
  std::int64_t in = 0;
  std::int64_t out = 0;
  /// The width of the time embedding; 0 where the block has none (autoencoder).
  std::int64_t time_width = 0;
  std::int64_t norm_groups = 32;
  double norm_epsilon = 1e-5;
};

/// Runs the residual block of UNet and autoencoder (diffusers' ResnetBlock2D with SiLU and additive
/// time embedding).
class resnet_block {
 public:
  resnet_block(const scope& parameters, const resnet_options& options);

  /// Takes input [batch, in, height, width] and time [batch, time_width] after SiLU or undefined; returns
  /// [batch, out, …]. `keys` are those of `added_products`.
  at::Tensor operator()(const at::Tensor& input, const at::Tensor& time = {},
                        const at::Tensor& keys = {}) const;

  /// Shows a visitor the layers' places for added products.
  static void visit_added(auto& self, const auto& visitor) {
    visitor(self.convolution_first_.added);
    if (self.time_) visitor(self.time_->added);
    visitor(self.convolution_second_.added);
    if (self.shortcut_) visitor(self.shortcut_->added);
  }

 private:
  group_norm norm_first_;
  convolution_2d convolution_first_;
  std::optional<linear> time_;
  group_norm norm_second_;
  convolution_2d convolution_second_;
  std::optional<convolution_2d> shortcut_;
};

/// Halves height and width by a strided 3x3 convolution. The autoencoder pads on the right and below only. `keys` are those of
/// `added_products`.
class downsampling {
 public:
  enum class padding { symmetric, right_and_below };
  downsampling(const scope& parameters, std::int64_t channels, padding kind);
  at::Tensor operator()(const at::Tensor& input, const at::Tensor& keys = {}) const;

  static void visit_added(auto& self, const auto& visitor) { visitor(self.convolution_.added); }

 private:
  padding padding_;
  convolution_2d convolution_;
};

/// Enlarges to the given size by nearest neighbor, then applies a 3x3 convolution. `keys` are those of `added_products`.
class upsampling {
 public:
  upsampling(const scope& parameters, std::int64_t channels);
  at::Tensor operator()(const at::Tensor& input, std::int64_t height, std::int64_t width,
                        const at::Tensor& keys = {}) const;

  static void visit_added(auto& self, const auto& visitor) { visitor(self.convolution_.added); }

 private:
  convolution_2d convolution_;
};

}  // namespace dvar::models
