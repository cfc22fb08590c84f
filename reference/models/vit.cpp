#include "models/vit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "error.hpp"
#include "models/attention.hpp"
#include "models/file_parameters.hpp"
#include "weights/messages.hpp"

namespace dvar::models {
namespace {

// Section 3.2 of DINO's released code, and transformers' `initializer_range`.
constexpr initial_value weight_initial{initial_value::distribution::normal, 0.02};

std::int64_t patches_along(std::int64_t size, const vit_options& options) {
  return size / options.patch_size;
}

}  // namespace

vit_options vit_options::from_config(const weights::config_reader& config) {
  if (config.get<std::string>("model_type") != "vit") config.refuse("model_type", "\"vit\"");
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
                                              config.where() + ": hidden_act")};
  if (options.width < 1) config.refuse("hidden_size", "at least 1");
  if (options.feed_forward_width < 1) config.refuse("intermediate_size", "at least 1");
  if (options.heads < 1 || options.width % options.heads != 0) {
    config.refuse("num_attention_heads", "a divisor of hidden_size");
  }
  if (options.layers < 1) config.refuse("num_hidden_layers", "at least 1");
  if (options.patch_size < 1) config.refuse("patch_size", "at least 1");
  if (options.image_size < options.patch_size) config.refuse("image_size", "at least patch_size");
  return options;
}

vit::layer::layer(const scope& parameters, const vit_options& options)
    : norm_attention{parameters / "layernorm_before", options.width, options.norm_epsilon},
      query{parameters / "attention" / "attention" / "query", options.width, options.width,
            options.projections, weight_initial},
      key{parameters / "attention" / "attention" / "key", options.width, options.width, options.projections,
          weight_initial},
      value{parameters / "attention" / "attention" / "value", options.width, options.width,
            options.projections, weight_initial},
      output{parameters / "attention" / "output" / "dense", options.width, options.width, bias::with,
             weight_initial},
      norm_feed_forward{parameters / "layernorm_after", options.width, options.norm_epsilon},
      expanded{parameters / "intermediate" / "dense", options.width, options.feed_forward_width, bias::with,
               weight_initial},
      contracted{parameters / "output" / "dense", options.feed_forward_width, options.width, bias::with,
                 weight_initial} {}

at::Tensor vit::layer::operator()(at::Tensor hidden, const vit_options& options) const {
  const at::Tensor normed = norm_attention(hidden);
  hidden = hidden + output(multi_head_attention(query(normed), key(normed), value(normed), options.heads,
                                                /*causal=*/false, options.execution.attention));
  return hidden + contracted(options.act(expanded(norm_feed_forward(hidden))));
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
  for (std::int64_t i = 0; i < options.layers; ++i) {
    layers_.emplace_back(parameters / "encoder" / "layer" / static_cast<std::size_t>(i), options);
  }
}

vit vit::open(const weights::component_files& files, const placement& where) {
  file_parameters parameters{files.weights, where};
  vit_options options = vit_options::from_config(files.config);
  options.execution = where.execution;
  // A model with a head keeps the network under a name of its own.
  const bool prefixed = parameters.offers("vit.embeddings.cls_token");
  const scope all{parameters};
  vit network{prefixed ? all / "vit" : all, options};
  constexpr std::array<std::string_view, 4> companions{"pooler.", "vit.pooler.", "classifier.", "decoder."};
  for (const std::string& name : parameters.unused()) {
    const bool known = name.ends_with("embeddings.mask_token") ||
                       std::any_of(companions.begin(), companions.end(),
                                   [&](std::string_view prefix) { return name.starts_with(prefix); });
    if (!known) {
      throw input_error(fmt::format("{}: expected the tensors of a ViTModel, found also {}",
                                    files.weights.path().string(), weights::in_quotes(name)));
    }
  }
  return network;
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
  for (const layer& each : layers_)
    hidden = each(hidden, options_);
  return norm_out_(hidden);
}

at::Tensor vit::operator()(const at::Tensor& pixels) const {
  return states(pixels).select(/*dim=*/1, /*index=*/0);
}

}  // namespace dvar::models
