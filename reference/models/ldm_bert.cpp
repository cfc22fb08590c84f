#include "models/ldm_bert.hpp"

#include "models/network_block.hpp"
#include "models/token_embedding.hpp"

namespace dvar::models {
namespace {

constexpr transformer_layer_names bert_layer_names{
    .norm_attention = "self_attn_layer_norm",
    .query = "self_attn.q_proj",
    .key = "self_attn.k_proj",
    .value = "self_attn.v_proj",
    .output = "self_attn.out_proj",
    // The one before the feed-forward part, whatever it is called.
    .norm_feed_forward = "final_layer_norm",
    .expanded = "fc1",
    .contracted = "fc2"};

// `init_std` of the configuration in diffusers.
constexpr double initial_deviation = 0.02;

initial_value initial() {
  return initial_value::normal(initial_deviation);
}

/// Brings states beyond the end of fp16, 65504, back, as diffusers does.
at::Tensor within_range(const at::Tensor& hidden) {
  constexpr double largest = 65504.0 - 1000.0;
  return hidden.scalar_type() == at::kHalf ? hidden.clamp(-largest, largest) : hidden;
}

}  // namespace

ldm_bert_options ldm_bert_options::from_config(const weights::config_reader& config) {
  ldm_bert_options options{.vocabulary_size = config.get<std::int64_t>("vocab_size"),
                           .max_length = config.get_or<std::int64_t>("max_position_embeddings", 77),
                           .width = config.get<std::int64_t>("d_model"),
                           .feed_forward_width = config.get<std::int64_t>("encoder_ffn_dim"),
                           .layers = config.get<std::int64_t>("encoder_layers"),
                           .heads = config.get<std::int64_t>("encoder_attention_heads"),
                           .head_width = config.get<std::int64_t>("head_dim"),
                           .act = activation_named(config.get_or<std::string>("activation_function", "gelu"),
                                                   config.location() + ": activation_function")};
  if (options.layers < 1) config.refuse_value("encoder_layers", "at least 1");
  if (options.heads < 1) config.refuse_value("encoder_attention_heads", "at least 1");
  if (options.head_width < 1) config.refuse_value("head_dim", "at least 1");
  return options;
}

ldm_bert::ldm_bert(const scope& parameters, const ldm_bert_options& options)
    : options_{options},
      token_embedding_{(parameters / "model" / "embed_tokens")(
          "weight", {options.vocabulary_size, options.width}, initial())},
      position_embedding_{(parameters / "model" / "embed_positions")(
          "weight", {options.max_length, options.width}, initial())},
      norm_out_{parameters / "model" / "layer_norm", options.width} {
  const transformer_layer_options layer{.width = options.width,
                                        .feed_forward_width = options.feed_forward_width,
                                        .heads = options.heads,
                                        .attention_width = options.heads * options.head_width,
                                        .projections = bias::without,
                                        .act = options.act,
                                        .attention = options.execution.attention,
                                        .projection_initial = initial(),
                                        .expanded_initial = initial(),
                                        .residual_initial = initial()};
  for (std::int64_t i = 0; i < options.layers; ++i)
    layers_.emplace_back(parameters / "model" / "layers" / static_cast<std::size_t>(i), bert_layer_names,
                         layer);
}

at::Tensor ldm_bert::embed(const at::Tensor& ids, const at::Tensor& concept_vectors) const {
  return embed_tokens(token_embedding_, ids, concept_vectors);
}

at::Tensor ldm_bert::encode(const at::Tensor& embedded) const {
  at::Tensor hidden = embedded + position_embedding_.narrow(/*dim=*/0, /*start=*/0, embedded.size(1));
  for (const transformer_layer& block : layers_) {
    hidden = call_block(
        [&block](at::TensorList inputs) { return within_range(block(inputs[0], /*causal=*/false)); },
        {hidden}, options_.execution.gradient_checkpointing);
  }
  return norm_out_(hidden);
}

}  // namespace dvar::models
