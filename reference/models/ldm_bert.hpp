#pragma once

#include "models/transformer_layer.hpp"
#include "weights/config.hpp"

namespace dvar::models {

/// Holds the sizes of an LDMBertModel, as its `config.json` gives them.
struct ldm_bert_options {
  std::int64_t vocabulary_size = 0;
  std::int64_t max_length = 77;
  std::int64_t width = 0;
  std::int64_t feed_forward_width = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t head_width = 0;  ///< heads times this need not be the width
  activation act = nullptr;
  execution_options execution = {};

  /// Reads a configuration. Throws `dvar::input_error` when it is wrong, and names file and key.
  static ldm_bert_options from_config(const weights::config_reader& config);
};

/// Runs the text encoder of latent diffusion's text-to-image model (Rombach et al., arXiv 2112.10752,
/// appendix E.2.1): a pre-norm transformer in which every position sees every other, padding included.
/// Parameter names are those of diffusers' LDMBertModel, whose head over the vocabulary (`to_logits`)
/// conditions nothing and is not read.
///
/// There is no dropout, whatever the configuration says of it: that belongs to the encoder's own training.
class ldm_bert {
 public:
  ldm_bert(const scope& parameters, const ldm_bert_options& options);

  /// Returns the rows of the token embedding, [vocabulary, width].
  const at::Tensor& token_embedding() const { return token_embedding_; }

  /// Embeds ids as `embed_tokens` does.
  at::Tensor embed(const at::Tensor& ids, const at::Tensor& concept_vectors = {}) const;

  /// Turns embedded [batch, length, width] into the states after the final norm, same shape: what conditions
  /// a UNet.
  at::Tensor encode(const at::Tensor& embedded) const;

  const ldm_bert_options& options() const { return options_; }

 private:
  ldm_bert_options options_;
  at::Tensor token_embedding_;
  at::Tensor position_embedding_;
  std::vector<transformer_layer> layers_;
  layer_norm norm_out_;
};

}  // namespace dvar::models
