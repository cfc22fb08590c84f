#include "models/ldm_bert.hpp"

#include "models/attention.hpp"
#include "models/network_block.hpp"
#include "models/token_embedding.hpp"

namespace dvar::models {
namespace {

// `init_std` of the configuration in diffusers.
constexpr double initial_deviation = 0.02;

initial_value initial() {
  return initial_value::normal(initial_deviation);
}

/// fp16 ends at 65504: states beyond are brought back, as diffusers does.
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
                                                   config.where() + ": activation_function")};
  if (options.layers < 1) config.refuse("encoder_layers", "at least 1");
  if (options.heads < 1) config.refuse("encoder_attention_heads", "at least 1");
  if (options.head_width < 1) config.refuse("head_dim", "at least 1");
  return options;
}

ldm_bert::layer::layer(const scope& parameters, const ldm_bert_options& options)
    : norm_attention{parameters / "self_attn_layer_norm", options.width},
      query{parameters / "self_attn" / "q_proj", options.width, options.heads * options.head_width,
            bias::without, initial()},
      key{parameters / "self_attn" / "k_proj", options.width, options.heads * options.head_width,
          bias::without, initial()},
      value{parameters / "self_attn" / "v_proj", options.width, options.heads * options.head_width,
            bias::without, initial()},
      output{parameters / "self_attn" / "out_proj", options.heads * options.head_width, options.width,
             bias::with, initial()},
      // The file's "final" norm is the one before the feed-forward part.
      norm_feed_forward{parameters / "final_layer_norm", options.width},
      expanded{parameters / "fc1", options.width, options.feed_forward_width, bias::with, initial()},
      contracted{parameters / "fc2", options.feed_forward_width, options.width, bias::with, initial()} {}

at::Tensor ldm_bert::layer::operator()(at::Tensor hidden, const ldm_bert_options& options) const {
  const at::Tensor normed = norm_attention(hidden);
  hidden = hidden + output(multi_head_attention(query(normed), key(normed), value(normed), options.heads,
                                                /*causal=*/false, options.execution.attention));
  return within_range(hidden + contracted(options.act(expanded(norm_feed_forward(hidden)))));
}

ldm_bert::ldm_bert(const scope& parameters, const ldm_bert_options& options)
    : options_{options},
      token_embedding_{(parameters / "model" / "embed_tokens")(
          "weight", {options.vocabulary_size, options.width}, initial())},
      position_embedding_{(parameters / "model" / "embed_positions")(
          "weight", {options.max_length, options.width}, initial())},
      norm_out_{parameters / "model" / "layer_norm", options.width} {
  for (std::int64_t i = 0; i < options.layers; ++i) {
    layers_.emplace_back(parameters / "model" / "layers" / static_cast<std::size_t>(i), options);
  }
}

at::Tensor ldm_bert::embed(const at::Tensor& ids, const at::Tensor& concept_vectors) const {
  return embed_tokens(token_embedding_, ids, concept_vectors);
}

at::Tensor ldm_bert::encode(const at::Tensor& embedded) const {
  at::Tensor hidden = embedded + position_embedding_.narrow(/*dim=*/0, /*start=*/0, embedded.size(1));
  for (const layer& block : layers_) {
    hidden = call_block([this, &block](at::TensorList inputs) { return block(inputs[0], options_); },
                        {hidden}, options_.execution.gradient_checkpointing);
  }
  return norm_out_(hidden);
}

}  // namespace dvar::models
