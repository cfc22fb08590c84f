/// \file
/// Runs CLIP (Radford et al., arXiv 2103.00020): the text tower, which also conditions Stable Diffusion, and
/// the image tower. Parameter names are those of transformers' CLIPTextModel, with the prefix `text_model.`
/// or, as transformers 5 writes them, without, CLIPTextModelWithProjection and CLIPVisionModelWithProjection.
#pragma once

#include "models/transformer_layer.hpp"
#include "weights/config.hpp"

namespace dvar::models {

struct clip_encoder_options {
  std::int64_t width = 0;
  std::int64_t feed_forward_width = 0;
  std::int64_t heads = 0;
  std::int64_t layers = 0;
  double norm_epsilon = 1e-5;
  activation act = nullptr;
  execution_options execution = {};

  /// Reads the keys that both towers share. Throws `dvar::input_error` when one is missing or wrong.
  static clip_encoder_options from_config(const weights::config_reader& config);
};

/// Runs a stack of pre-norm transformer layers.
class clip_encoder {
 public:
  clip_encoder(const scope& parameters, const clip_encoder_options& options);

  /// Takes hidden [batch, length, width]; causal: position i sees positions up to i only.
  at::Tensor operator()(at::Tensor hidden, bool causal) const { return run(hidden, causal, 0, layers()); }

  /// Runs the layers from `first` up to `last`, this one left out. `keys` are those of `added_products`.
  at::Tensor run(at::Tensor hidden, bool causal, std::size_t first, std::size_t last,
                 const at::Tensor& keys = {}) const;

  std::size_t layers() const { return layers_.size(); }

  /// Returns what causal layers give for the rest of texts that begin alike.
  at::Tensor operator()(transformer_layer::parted_states hidden) const;

  /// Shows a visitor the layers' places for added products.
  static void visit_added(auto& self, const auto& visitor) {
    for (auto& layer : self.layers_)
      transformer_layer::visit_added(layer, visitor);
  }

 private:
  clip_encoder_options options_;
  std::vector<transformer_layer> layers_;
};

struct clip_text_options {
  clip_encoder_options encoder;
  std::int64_t vocabulary_size = 0;
  std::int64_t max_length = 77;
  std::int64_t projection_width = 0;  ///< 0: no projection

  /// Reads a configuration. Throws `dvar::input_error` when it is wrong, and names file and key.
  /// Configurations give `projection_dim` whether the file has a projection or not, so the caller says
  /// whether it is wanted.
  static clip_text_options from_config(const weights::config_reader& config, bool with_projection);
};

/// Holds states [batch, length, width] of a text.
struct clip_text_states {
  at::Tensor penultimate;  ///< before the last layer; no norm follows
  at::Tensor last;         ///< after the final norm
};

class clip_text {
 public:
  clip_text(const scope& parameters, const clip_text_options& options);

  /// Returns the rows of the token embedding, [vocabulary, width].
  const at::Tensor& token_embedding() const { return token_embedding_; }

  /// Takes a tensor of the same rows in place of its own, part of a larger one perhaps.
  void share_token_embedding(at::Tensor same) { token_embedding_ = std::move(same); }

  /// Embeds ids as `embed_tokens` does.
  at::Tensor embed(const at::Tensor& ids, const at::Tensor& concept_vectors = {}) const;

  /// Turns embedded [batch, length, width] into the states after the final norm, same shape: what conditions
  /// a UNet. `keys` are those of `added_products`, here and below.
  at::Tensor encode(const at::Tensor& embedded, const at::Tensor& keys = {}) const {
    return encode_with_penultimate(embedded, keys).last;
  }

  /// Returns these and the states before the last layer, which condition the UNet of Stable Diffusion XL.
  clip_text_states encode_with_penultimate(const at::Tensor& embedded, const at::Tensor& keys = {}) const;

  /// Returns the states before the last layer alone; the last layer is not run.
  at::Tensor encode_to_penultimate(const at::Tensor& embedded, const at::Tensor& keys = {}) const;

  /// Does the same as `encode` for texts whose first `beginning` positions are alike, and computes these once. Returns the states of the others
  /// alone, [batch, length - beginning, width]; no gradient is kept for less memory.
  at::Tensor encode_behind(std::int64_t beginning, const at::Tensor& embedded) const;

  /// Projects states [batch, length, width] at end [batch] (position of the first end-of-text token) to
  /// [batch, projection]. Throws `std::logic_error` when the options have no projection.
  at::Tensor project(const at::Tensor& states, const at::Tensor& end) const;

  const clip_text_options& options() const { return options_; }

  /// Shows a visitor the layers' places for added products.
  static void visit_added(auto& self, const auto& visitor) {
    clip_encoder::visit_added(self.encoder_, visitor);
  }

 private:
  clip_text(const scope& parameters, const scope& tower, const clip_text_options& options);
  at::Tensor placed(const at::Tensor& embedded) const;

  clip_text_options options_;
  at::Tensor token_embedding_;
  at::Tensor position_embedding_;
  clip_encoder encoder_;
  layer_norm norm_out_;
  std::optional<linear> projection_;
};

struct clip_vision_options {
  clip_encoder_options encoder;
  std::int64_t image_size = 224;
  std::int64_t patch_size = 32;
  std::int64_t channels = 3;
  std::int64_t projection_width = 512;

  static clip_vision_options from_config(const weights::config_reader& config);
};

class clip_vision {
 public:
  clip_vision(const scope& parameters, const clip_vision_options& options);

  /// Turns pixels [batch, channels, image_size, image_size], normalized as the model wants, into
  /// [batch, projection].
  at::Tensor operator()(const at::Tensor& pixels) const;

  const clip_vision_options& options() const { return options_; }

 private:
  clip_vision_options options_;
  at::Tensor class_embedding_;
  convolution_2d patches_;
  at::Tensor position_embedding_;
  layer_norm norm_in_;
  clip_encoder encoder_;
  layer_norm norm_out_;
  linear projection_;
};

}  // namespace dvar::models
