#pragma once

#include <variant>

#include "models/clip.hpp"
#include "models/clip_pair.hpp"
#include "models/conditioning.hpp"
#include "models/ldm_bert.hpp"

namespace dvar::models {

/// Turns ids into what conditions a UNet: CLIP's text tower (Stable Diffusion), two of them (Stable Diffusion XL), or BERT (LDM).
class text_encoder {
 public:
  text_encoder(clip_text network) : network_{std::move(network)} {}
  text_encoder(clip_pair network) : network_{std::move(network)} {}
  text_encoder(ldm_bert network) : network_{std::move(network)} {}

  /// Returns the rows of the token embedding, [vocabulary, width]; of two towers, of both joined.
  const at::Tensor& token_embedding() const;

  /// Encodes ids [batch, length], or [batch, 2 x length] of two towers; ids beyond the vocabulary are rows of `concept_vectors`
  /// [vectors, width], see `embed_tokens`. Sizes are not set.
  conditioning encode(const at::Tensor& ids, const at::Tensor& concept_vectors = {}) const;

  std::int64_t vocabulary_size() const { return token_embedding().size(0); }
  std::int64_t width() const { return token_embedding().size(1); }

  /// Returns the widths of which `width()` is the sum, one for each tower.
  std::vector<std::int64_t> widths() const;

  /// Returns the width of the pooled texts; 0 where there are none.
  std::int64_t pooled_width() const;

  /// Returns the number of ids of the longest prompt.
  std::int64_t max_length() const;

 private:
  std::variant<clip_text, clip_pair, ldm_bert> network_;
};

}  // namespace dvar::models
