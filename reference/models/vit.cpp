#include "models/vit.hpp"

#include <stdexcept>

namespace dvar::models {
namespace {

constexpr transformer_layer_names vit_layer_names{.norm_attention = "layernorm_before",
                                                  .query = "attention.attention.query",
                                                  .key = "attention.attention.key",
                                                  .value = "attention.attention.value",
                                                  .output = "attention.output.dense",
                                                  .norm_feed_forward = "layernorm_after",
                                                  .expanded = "intermediate.dense",
                                                  .contracted = "output.dense"};

// Section 3.2 of DINO's released code, and transformers' `initializer_range`.
constexpr initial_value weight_initial{initial_value::distribution::normal, 0.02};

std::int64_t patches_along(std::int64_t size, const vit_options& options) {
  return size / options.patch_size;
}

}  // namespace

vit_options vit_options::from_config(const weights::config_reader& config) {
  if (config.get<std::string>("model_type") != "vit") config.refuse_value("model_type", "\"vit\"");
  vit_options options{.width = config.get<std::int64_t>("hidden_size"),
                      .feed_forward_width = config.get<std::int64_t>("intermediate_size"),
                      .heads = config.get<std::int64_t>("num_attention_heads"),
                      .layers = config.get<std::int64_t>("num_hidden_layers"),
                      .image_size = config.get_or<std::int64_t>("image_size", 224),
                      .patch_size = config.get_or<std::int64_t>("patch_size", 16),
                      .channels = config.get_or<std::int64_t>("num_channels", 3),
                      .projections = config.get_or("qkv_bias", true) ? bias::with : bias::without,
                      .norm_epsilon = config.get_or("layer_norm_eps", 1e-12),
                      .act = activation_named(config.get_or<std::string>("hidden_act", "gelu"),
                                              config.location() + ": hidden_act")};
  if (options.width < 1) config.refuse_value("hidden_size", "at least 1");
  if (options.feed_forward_width < 1) config.refuse_value("intermediate_size", "at least 1");
  if (options.heads < 1 || options.width % options.heads != 0)
    config.refuse_value("num_attention_heads", "a divisor of hidden_size");
  if (options.layers < 1) config.refuse_value("num_hidden_layers", "at least 1");
  if (options.patch_size < 1) config.refuse_value("patch_size", "at least 1");
  if (options.image_size < options.patch_size) config.refuse_value("image_size", "at least patch_size");
  return options;
}

vit::vit(const scope& parameters, const vit_options& options)
    : options_{options},
      class_token_{(parameters / "embeddings")("cls_token", {1, 1, options.width}, initial_value::zeros())},
      position_embedding_{(parameters / "embeddings")(
          "position_embeddings",
          {1, 1 + patches_along(options.image_size, options) * patches_along(options.image_size, options),
           options.width},
          weight_initial)},
      patches_{parameters / "embeddings" / "patch_embeddings" / "projection",
               options.channels,
               options.width,
               {.kernel = options.patch_size, .stride = options.patch_size, .padding = 0}},
      norm_out_{parameters / "layernorm", options.width, options.norm_epsilon} {
  const transformer_layer_options layer{.width = options.width,
                                        .feed_forward_width = options.feed_forward_width,
                                        .heads = options.heads,
                                        .attention_width = options.width,
                                        .projections = options.projections,
                                        .norm_epsilon = options.norm_epsilon,
                                        .act = options.act,
                                        .attention = options.execution.attention,
                                        .projection_initial = weight_initial,
                                        .expanded_initial = weight_initial,
                                        .residual_initial = weight_initial};
  for (std::int64_t i = 0; i < options.layers; ++i)
    layers_.emplace_back(parameters / "encoder" / "layer" / static_cast<std::size_t>(i), vit_layer_names,
                         layer);
}

at::Tensor vit::positions(std::int64_t rows, std::int64_t columns) const {
  const std::int64_t edge = patches_along(options_.image_size, options_);
  if (rows == edge && columns == edge) return position_embedding_;
  const at::Tensor grid =
      position_embedding_.narrow(/*dim=*/1, /*start=*/1, edge * edge).view({1, edge, edge, -1});
  const at::Tensor resampled = at::upsample_bicubic2d(grid.permute({0, 3, 1, 2}), {rows, columns},
                                                      /*align_corners=*/false);
  return at::cat({position_embedding_.narrow(/*dim=*/1, /*start=*/0, /*length=*/1),
                  resampled.flatten(/*start_dim=*/2).transpose(1, 2)},
                 /*dim=*/1);
}

at::Tensor vit::states(const at::Tensor& pixels) const {
  if (pixels.dim() != 4 || pixels.size(1) != options_.channels || pixels.size(2) < options_.patch_size ||
      pixels.size(3) < options_.patch_size) {
    throw std::invalid_argument("vit: expected pixels [batch, channels, H, W] of at least a patch");
  }
  const at::Tensor grid = patches_(pixels);
  const at::Tensor first = class_token_.expand({pixels.size(0), 1, -1});
  at::Tensor hidden = at::cat({first, grid.flatten(/*start_dim=*/2).transpose(1, 2)}, /*dim=*/1) +
                      positions(grid.size(2), grid.size(3));
  for (const transformer_layer& layer : layers_)
    hidden = layer(hidden, /*causal=*/false);
  return norm_out_(hidden);
}

at::Tensor vit::operator()(const at::Tensor& pixels) const {
  return states(pixels).select(/*dim=*/1, /*index=*/0);
}

}  // namespace dvar::models
