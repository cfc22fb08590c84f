#pragma once

#include <variant>

#include "models/clip.hpp"
#include "models/ldm_bert.hpp"

namespace dvar::models {

/// Turns ids into the states that condition a UNet: CLIP's text tower (Stable Diffusion), or BERT (LDM).
class text_encoder {
 public:
  text_encoder(clip_text network) : network_{std::move(network)} {}
  text_encoder(ldm_bert network) : network_{std::move(network)} {}

  /// Returns the rows of the token embedding, [vocabulary, width].
  const at::Tensor& token_embedding() const;

  /// Embeds ids [batch, length] as [batch, length, width], see `embed_tokens`.
  at::Tensor embed(const at::Tensor& ids, const at::Tensor& concept_vectors = {}) const;

  /// Turns embedded [batch, length, width] into states, same shape.
  at::Tensor encode(const at::Tensor& embedded) const;

  std::int64_t vocabulary_size() const { return token_embedding().size(0); }
  std::int64_t width() const { return token_embedding().size(1); }

  /// Returns the number of ids of the longest prompt.
  std::int64_t max_length() const;

 private:
  std::variant<clip_text, ldm_bert> network_;
};

}  // namespace dvar::models
