#include "models/clip.hpp"

#include <cmath>
#include <stdexcept>

#include "models/network_block.hpp"
#include "models/token_embedding.hpp"

namespace dvar::models {
namespace {

constexpr transformer_layer_names clip_layer_names{.norm_attention = "layer_norm1",
                                                   .query = "self_attn.q_proj",
                                                   .key = "self_attn.k_proj",
                                                   .value = "self_attn.v_proj",
                                                   .output = "self_attn.out_proj",
                                                   .norm_feed_forward = "layer_norm2",
                                                   .expanded = "mlp.fc1",
                                                   .contracted = "mlp.fc2"};

// Initial values as in section 2.5 of the paper's released code: deviations that shrink with width and depth.
initial_value attention_initial(const clip_encoder_options& options) {
  return initial_value::normal(1.0 / std::sqrt(static_cast<double>(options.width)));
}

initial_value residual_initial(const clip_encoder_options& options) {
  return initial_value::normal(1.0 / std::sqrt(2.0 * static_cast<double>(options.width * options.layers)));
}

/// Returns the parameters of the text tower. transformers 5 writes a CLIPTextModel's without the prefix that
/// all others have.
scope text_tower(const scope& parameters) {
  const bool prefixed = parameters.offers("text_model.embeddings.token_embedding.weight") ||
                        !parameters.offers("embeddings.token_embedding.weight");
  return prefixed ? parameters / "text_model" : parameters;
}

}  // namespace

clip_encoder_options clip_encoder_options::from_config(const weights::config_reader& config) {
  clip_encoder_options options{.width = config.get<std::int64_t>("hidden_size"),
                               .feed_forward_width = config.get<std::int64_t>("intermediate_size"),
                               .heads = config.get<std::int64_t>("num_attention_heads"),
                               .layers = config.get<std::int64_t>("num_hidden_layers"),
                               .norm_epsilon = config.get_or("layer_norm_eps", 1e-5),
                               .act = activation_named(config.get_or<std::string>("hidden_act", "quick_gelu"),
                                                       config.location() + ": hidden_act")};
  if (options.heads < 1 || options.width % options.heads != 0)
    config.refuse_value("num_attention_heads", "a divisor of hidden_size");
  if (options.layers < 1) config.refuse_value("num_hidden_layers", "at least 1");
  return options;
}

clip_encoder::clip_encoder(const scope& parameters, const clip_encoder_options& options) : options_{options} {
  const transformer_layer_options layer{
      .width = options.width,
      .feed_forward_width = options.feed_forward_width,
      .heads = options.heads,
      .attention_width = options.width,
      .norm_epsilon = options.norm_epsilon,
      .act = options.act,
      .attention = options.execution.attention,
      .projection_initial = attention_initial(options),
      .expanded_initial = initial_value::normal(1.0 / std::sqrt(2.0 * static_cast<double>(options.width))),
      .residual_initial = residual_initial(options)};
  for (std::int64_t i = 0; i < options.layers; ++i)
    layers_.emplace_back(parameters / "layers" / static_cast<std::size_t>(i), clip_layer_names, layer);
}

at::Tensor clip_encoder::run(at::Tensor hidden, bool causal, std::size_t first, std::size_t last,
                             const at::Tensor& keys) const {
  for (std::size_t i = first; i < last; ++i) {
    const transformer_layer& block = layers_[i];
    std::vector<at::Tensor> trained;
    transformer_layer::visit_added(block,
                                   [&](const added_products& layer) { append_trained(layer, trained); });
    hidden =
        call_block([&block, causal, keys](at::TensorList inputs) { return block(inputs[0], causal, keys); },
                   {hidden}, options_.execution.gradient_checkpointing, trained);
  }
  return hidden;
}

at::Tensor clip_encoder::operator()(transformer_layer::parted_states hidden) const {
  for (const transformer_layer& block : layers_)
    hidden = block(hidden);
  return hidden.rest;
}

clip_text_options clip_text_options::from_config(const weights::config_reader& config, bool with_projection) {
  return {.encoder = clip_encoder_options::from_config(config),
          .vocabulary_size = config.get<std::int64_t>("vocab_size"),
          .max_length = config.get_or<std::int64_t>("max_position_embeddings", 77),
          .projection_width = with_projection ? config.get_or<std::int64_t>("projection_dim", 512) : 0};
}

clip_text::clip_text(const scope& parameters, const clip_text_options& options)
    : clip_text{parameters, text_tower(parameters), options} {}

clip_text::clip_text(const scope& parameters, const scope& tower, const clip_text_options& options)
    : options_{options},
      token_embedding_{(tower / "embeddings" / "token_embedding")(
          "weight", {options.vocabulary_size, options.encoder.width}, initial_value::normal(0.02))},
      position_embedding_{(tower / "embeddings" / "position_embedding")(
          "weight", {options.max_length, options.encoder.width}, initial_value::normal(0.01))},
      encoder_{tower / "encoder", options.encoder},
      norm_out_{tower / "final_layer_norm", options.encoder.width, options.encoder.norm_epsilon} {
  if (options.projection_width > 0) {
    projection_.emplace(parameters / "text_projection", options.encoder.width, options.projection_width,
                        bias::without, attention_initial(options.encoder));
  }
}

at::Tensor clip_text::embed(const at::Tensor& ids, const at::Tensor& concept_vectors) const {
  return embed_tokens(token_embedding_, ids, concept_vectors);
}

at::Tensor clip_text::placed(const at::Tensor& embedded) const {
  return embedded + position_embedding_.narrow(/*dim=*/0, /*start=*/0, embedded.size(1));
}

clip_text_states clip_text::encode_with_penultimate(const at::Tensor& embedded,
                                                    const at::Tensor& keys) const {
  const at::Tensor penultimate = encode_to_penultimate(embedded, keys);
  const std::size_t layers = encoder_.layers();
  return {.penultimate = penultimate,
          .last = norm_out_(encoder_.run(penultimate, /*causal=*/true, layers - 1, layers, keys))};
}

at::Tensor clip_text::encode_to_penultimate(const at::Tensor& embedded, const at::Tensor& keys) const {
  return encoder_.run(placed(embedded), /*causal=*/true, 0, encoder_.layers() - 1, keys);
}

at::Tensor clip_text::encode_behind(std::int64_t beginning, const at::Tensor& embedded) const {
  const std::int64_t rest = embedded.size(1) - beginning;
  const at::Tensor all = placed(embedded);
  return norm_out_(encoder_({.beginning = all.narrow(/*dim=*/0, 0, 1).narrow(/*dim=*/1, 0, beginning),
                             .rest = all.narrow(/*dim=*/1, beginning, rest)}));
}

at::Tensor clip_text::project(const at::Tensor& states, const at::Tensor& end) const {
  if (!projection_) throw std::logic_error("clip_text: project() needs a projection");
  const at::Tensor index = end.view({-1, 1, 1}).expand({-1, 1, states.size(2)});
  return (*projection_)(states.gather(/*dim=*/1, index).squeeze(1));
}

clip_vision_options clip_vision_options::from_config(const weights::config_reader& config) {
  clip_vision_options options{.encoder = clip_encoder_options::from_config(config),
                              .image_size = config.get_or<std::int64_t>("image_size", 224),
                              .patch_size = config.get_or<std::int64_t>("patch_size", 32),
                              .channels = config.get_or<std::int64_t>("num_channels", 3),
                              .projection_width = config.get_or<std::int64_t>("projection_dim", 512)};
  if (options.patch_size < 1 || options.image_size % options.patch_size != 0)
    config.refuse_value("patch_size", "a divisor of image_size");
  return options;
}

clip_vision::clip_vision(const scope& parameters, const clip_vision_options& options)
    : options_{options},
      class_embedding_{(parameters / "vision_model" / "embeddings")(
          "class_embedding", {options.encoder.width}, attention_initial(options.encoder))},
      patches_{
          parameters / "vision_model" / "embeddings" / "patch_embedding",
          options.channels,
          options.encoder.width,
          {.kernel = options.patch_size, .stride = options.patch_size, .padding = 0, .kind = bias::without}},
      position_embedding_{(parameters / "vision_model" / "embeddings" / "position_embedding")(
          "weight",
          {1 + (options.image_size / options.patch_size) * (options.image_size / options.patch_size),
           options.encoder.width},
          attention_initial(options.encoder))},
      // The published name of this layer is misspelled; files have it so.
      norm_in_{parameters / "vision_model" / "pre_layrnorm", options.encoder.width,
               options.encoder.norm_epsilon},
      encoder_{parameters / "vision_model" / "encoder", options.encoder},
      norm_out_{parameters / "vision_model" / "post_layernorm", options.encoder.width,
                options.encoder.norm_epsilon},
      projection_{parameters / "visual_projection", options.encoder.width, options.projection_width,
                  bias::without, attention_initial(options.encoder)} {}

at::Tensor clip_vision::operator()(const at::Tensor& pixels) const {
  const at::Tensor patches = patches_(pixels).flatten(/*start_dim=*/2).transpose(1, 2);
  const at::Tensor first = class_embedding_.expand({pixels.size(0), 1, -1});
  const at::Tensor hidden = norm_in_(at::cat({first, patches}, /*dim=*/1) + position_embedding_);
  return projection_(norm_out_(encoder_(hidden, /*causal=*/false).select(/*dim=*/1, /*index=*/0)));
}

}  // namespace dvar::models
