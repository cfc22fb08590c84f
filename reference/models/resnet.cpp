#include "models/resnet.hpp"

namespace dvar::models {

resnet_block::resnet_block(const scope& parameters, const resnet_options& options)
    : norm_first_{parameters / "norm1", options.norm_groups, options.in, options.norm_epsilon},
      convolution_first_{parameters / "conv1", options.in, options.out},
      norm_second_{parameters / "norm2", options.norm_groups, options.out, options.norm_epsilon},
      convolution_second_{parameters / "conv2", options.out, options.out, {.starts_at_zero = true}} {
  if (options.time_width > 0) time_.emplace(parameters / "time_emb_proj", options.time_width, options.out);
  if (options.in != options.out) {
    shortcut_.emplace(parameters / "conv_shortcut", options.in, options.out,
                      convolution_options{.kernel = 1, .padding = 0});
  }
}

at::Tensor resnet_block::operator()(const at::Tensor& input, const at::Tensor& time,
                                    const at::Tensor& keys) const {
  at::Tensor hidden = convolution_first_(norm_first_.then_silu(input), keys);
  if (time_) hidden = hidden + (*time_)(time, keys).unsqueeze(-1).unsqueeze(-1);
  hidden = convolution_second_(norm_second_.then_silu(hidden), keys);
  return (shortcut_ ? (*shortcut_)(input, keys) : input) + hidden;
}

downsampling::downsampling(const scope& parameters, std::int64_t channels, padding kind)
    : padding_{kind},
      convolution_{parameters / "conv", channels, channels,
                   convolution_options{.stride = 2, .padding = kind == padding::symmetric ? 1 : 0}} {}

at::Tensor downsampling::operator()(const at::Tensor& input, const at::Tensor& keys) const {
  if (padding_ == padding::symmetric) return convolution_(input, keys);
  return convolution_(at::constant_pad_nd(input, {0, 1, 0, 1}), keys);
}

upsampling::upsampling(const scope& parameters, std::int64_t channels)
    : convolution_{parameters / "conv", channels, channels} {}

at::Tensor upsampling::operator()(const at::Tensor& input, std::int64_t height, std::int64_t width,
                                  const at::Tensor& keys) const {
  return convolution_(at::upsample_nearest2d(input, {height, width}), keys);
}

}  // namespace dvar::models
