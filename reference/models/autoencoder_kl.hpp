#pragma once

#include "models/attention.hpp"
#include "models/resnet.hpp"
#include "weights/config.hpp"

namespace dvar::models {

/// Holds the sizes of an AutoencoderKL, as its `config.json` gives them.
struct autoencoder_options {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 3;
  std::int64_t latent_channels = 4;
  std::vector<std::int64_t> block_channels;  ///< from the finest level to the coarsest
  std::int64_t layers_per_block = 1;
  std::int64_t norm_groups = 32;
  bool middle_attention = true;
  bool quantization_convolution = true;
  bool post_quantization_convolution = true;
  /// What latents are multiplied by to have a variance of about 1.
  double scaling_factor = 0.18215;
  attention_form attention = attention_form::fused;

  /// Reads a configuration. Throws `dvar::input_error` when it has a value that this network does not
  /// support, and names file and key.
  static autoencoder_options from_config(const weights::config_reader& config);
};

/// Holds a normal distribution of latents with diagonal covariance, unscaled.
struct latent_distribution {
  at::Tensor mean;                ///< [batch, latent_channels, height / f, width / f]
  at::Tensor standard_deviation;  ///< same shape

  /// Returns mean + standard_deviation * noise, with noise of the same shape drawn from a standard normal.
  at::Tensor sample(const at::Tensor& noise) const { return mean + standard_deviation * noise; }
};

/// Runs the variational autoencoder of latent diffusion (Rombach et al., arXiv 2112.10752), with the
/// parameter names of diffusers' AutoencoderKL (both generations of its attention's names).
class autoencoder_kl {
 public:
  autoencoder_kl(const scope& parameters, const autoencoder_options& options);

  /// Encodes images [batch, in_channels, height, width] in [-1, 1], height and width multiples of `factor()`.
  /// Returns mean and log-variance stacked along the channels, the latter not yet clamped.
  at::Tensor moments(const at::Tensor& images) const;

  /// Encodes images as `moments`, with the log-variance clamped to [-30, 20].
  latent_distribution encode(const at::Tensor& images) const;

  /// Decodes latents [batch, latent_channels, h, w], unscaled, to images [batch, out_channels, f h, f w],
  /// about [-1, 1].
  at::Tensor decode(const at::Tensor& latents) const;

  /// Returns the pixels per latent along each side.
  std::int64_t factor() const { return std::int64_t{1} << (options_.block_channels.size() - 1); }
  const autoencoder_options& options() const { return options_; }

 private:
  struct middle_attention {
    middle_attention(const scope& parameters, const autoencoder_options& options);
    at::Tensor operator()(const at::Tensor& input) const;

    group_norm norm;
    std::vector<linear> projections;  ///< query, key, value, output
    attention_form form;
  };
  struct middle_block {
    middle_block(const scope& parameters, const autoencoder_options& options);
    at::Tensor operator()(const at::Tensor& input) const;

    resnet_block first;
    std::optional<middle_attention> attention;
    resnet_block second;
  };
  struct level {
    std::vector<resnet_block> resnets;
    std::optional<downsampling> down;
    std::optional<upsampling> up;
  };
  struct encoder_network {
    encoder_network(const scope& parameters, const autoencoder_options& options);

    convolution_2d convolution_in;
    std::vector<level> levels;
    middle_block middle;
    group_norm norm_out;
    convolution_2d convolution_out;
  };
  struct decoder_network {
    decoder_network(const scope& parameters, const autoencoder_options& options);

    convolution_2d convolution_in;
    middle_block middle;
    std::vector<level> levels;
    group_norm norm_out;
    convolution_2d convolution_out;
  };

  autoencoder_options options_;
  encoder_network encoder_;
  decoder_network decoder_;
  std::optional<convolution_2d> quantization_;
  std::optional<convolution_2d> post_quantization_;
};

}  // namespace dvar::models
