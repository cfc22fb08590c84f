#pragma once

#include "models/conditioning.hpp"
#include "models/resnet.hpp"
#include "models/transformer_2d.hpp"
#include "weights/config.hpp"

namespace dvar::models {

/// Holds the sizes of a UNet2DConditionModel, as its `config.json` gives them.
struct unet_options {
  /// The edge of the latents that the network was trained on.
  std::int64_t sample_size = 64;
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::vector<std::int64_t> block_channels;  ///< from the finest level to the coarsest
  /// Per level, finest first: whether its blocks have transformers.
  std::vector<bool> down_attention;
  std::vector<bool> up_attention;   ///< per level, coarsest first
  std::vector<std::int64_t> heads;  ///< per level, finest first
  std::int64_t layers_per_block = 2;
  std::vector<std::int64_t> transformer_layers;  ///< per level, finest first
  std::int64_t context_width = 768;
  std::int64_t norm_groups = 32;
  double norm_epsilon = 1e-5;
  bool linear_projection = false;
  bool sine_second = true;  ///< `flip_sin_to_cos`: cosines first in the time embedding
  double frequency_shift = 0.0;
  /// The width of the pooled texts that are added to the time embedding (Stable Diffusion XL); 0: none are, nor sizes.
  std::int64_t pooled_width = 0;
  std::int64_t size_embedding_width = 0;  ///< of each of the six sizes
  execution_options execution = {};

  /// Reads a configuration. Throws `dvar::input_error` when it has a value that this network does not
  /// support, and names file and key.
  static unet_options from_config(const weights::config_reader& config);
};

/// Counts the sizes in pixels that say what a picture was made of, see `conditioning`.
inline constexpr std::int64_t sizes_of_picture = 6;

/// Returns the sinusoidal embedding of timesteps [batch] (Ho et al., arXiv 2006.11239, appendix B), [batch,
/// width] in fp32.
at::Tensor sinusoidal_embedding(const at::Tensor& timesteps, std::int64_t width, bool sine_second,
                                double frequency_shift);

/// Predicts noise as in latent diffusion (Rombach et al., arXiv 2112.10752), with the parameter names of
/// diffusers' UNet2DConditionModel.
class unet_2d_condition {
 public:
  unet_2d_condition(const scope& parameters, const unet_options& options);

  /// Takes sample [batch, in_channels, height, width], timesteps [batch], which may have fractions, and context, whose states are [batch, length,
  /// context_width]; returns the prediction [batch, out_channels, height, width]. Throws `std::invalid_argument` when the context
  /// has pooled texts or sizes and the network takes none, or the other way round.
  at::Tensor operator()(const at::Tensor& sample, const at::Tensor& timesteps,
                        const conditioning& context) const;

  const unet_options& options() const { return options_; }

  /// Returns the layers that products can be added to, with what is added to them: all linear ones of the transformers, and behind
  /// them those of the residual blocks, convolutions too, and the convolutions that halve and enlarge.
  std::vector<added_products> layers_to_add_to() const;

  /// Returns this network with low-rank products added to those that it has. Its weights are the same tensors. Throws
  /// `std::invalid_argument` when there is no such layer, or it has other widths.
  unet_2d_condition with(const low_rank_products& added) const;

  /// Returns the weights that make keys and values of the text, those of all cross-attentions, as they are in the files.
  layer_weights keys_and_values() const;

  /// Returns this network with other weights in the place of some of `keys_and_values()`; see `replaced_product`. Throws
  /// `std::invalid_argument` when there is no such layer, or its weight has another shape.
  unet_2d_condition with_keys_and_values(const layer_weights& weights) const;

 private:
  struct level {
    std::vector<resnet_block> resnets;
    std::vector<transformer_2d> transformers;  ///< empty, or one behind every resnet
    std::optional<downsampling> down;
    std::optional<upsampling> up;
  };

  /// Embeds pooled texts and sizes as `add_embedding` does: added to the embedding of the time.
  struct added_embedding {
    linear first;
    linear second;
    added_embedding(const scope& parameters, const unet_options& options, std::int64_t time_width);
    at::Tensor operator()(const conditioning& context, const unet_options& options) const;
  };

  static void visit_transformers(auto& self, const auto& visitor) {
    const auto visit_all = [&](auto& levels) {
      for (auto& level : levels)
        for (auto& transformer : level.transformers)
          visitor(transformer);
    };
    visit_all(self.down_);
    visitor(self.middle_transformer_);
    visit_all(self.up_);
  }
  static void visit_resnets(auto& self, const auto& visitor) {
    const auto visit_all = [&](auto& levels) {
      for (auto& level : levels)
        for (auto& resnet : level.resnets)
          visitor(resnet);
    };
    visit_all(self.down_);
    visitor(self.middle_first_);
    visitor(self.middle_second_);
    visit_all(self.up_);
  }
  static void visit_added(auto& self, const auto& visitor) {
    visit_transformers(self, [&](auto& each) { transformer_2d::visit_added(each, visitor); });
    visit_resnets(self, [&](auto& each) { resnet_block::visit_added(each, visitor); });
    for (auto& level : self.down_)
      if (level.down) downsampling::visit_added(*level.down, visitor);
    for (auto& level : self.up_)
      if (level.up) upsampling::visit_added(*level.up, visitor);
  }
  static void visit_keys_and_values(auto& self, const auto& visitor) {
    visit_transformers(self, [&](auto& each) { transformer_2d::visit_keys_and_values(each, visitor); });
  }

  at::Tensor call(const resnet_block& block, const at::Tensor& input, const at::Tensor& time,
                  const at::Tensor& keys) const;
  at::Tensor call(const resnet_block& block, const at::Tensor& input, const at::Tensor& skip,
                  const at::Tensor& time, const at::Tensor& keys) const;
  at::Tensor call(const transformer_2d& block, const at::Tensor& input, const conditioning& context) const;
  resnet_options resnet(std::int64_t in, std::int64_t out) const;
  transformer_2d_options transformer(std::size_t index) const;
  void build_down(const scope& parameters);
  void build_up(const scope& parameters);

  unet_options options_;
  std::int64_t time_width_;
  convolution_2d convolution_in_;
  linear time_first_;
  linear time_second_;
  std::optional<added_embedding> added_;
  std::vector<level> down_;
  resnet_block middle_first_;
  transformer_2d middle_transformer_;
  resnet_block middle_second_;
  std::vector<level> up_;
  group_norm norm_out_;
  convolution_2d convolution_out_;
};

}  // namespace dvar::models
