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
  text_encoder(clip_text network);
  text_encoder(clip_pair network);
  text_encoder(ldm_bert network) : network_{std::move(network)} {}

  /// Returns the rows of the token embedding, [vocabulary, width]; of two towers, of both joined.
  const at::Tensor& token_embedding() const;

  /// Encodes ids [batch, length], or [batch, 2 x length] of two towers; ids beyond the vocabulary are rows of `concept_vectors`
  /// [vectors, width], see `embed_tokens`. Sizes are not set. `keys` are those of `added_products`, and are passed on.
  conditioning encode(const at::Tensor& ids, const at::Tensor& concept_vectors = {},
                      const at::Tensor& keys = {}) const;

  /// Returns the layers that products can be added to, with what is added to them: all linear ones of CLIP's layers, by the names that
  /// they have in the files of transformers 4 and earlier, below `text_encoder` and `text_encoder_2`, as in
  /// `text_encoder.text_model.encoder.layers.0.self_attn.q_proj`. BERT has none: no program writes such files for it.
  std::vector<added_products> layers_to_add_to() const;

  /// Returns this network with low-rank products added to those that it has. Its weights are the same tensors. Throws
  /// `std::invalid_argument` when there is no such layer, or it has other sizes.
  text_encoder with(const low_rank_products& added) const;

  std::int64_t vocabulary_size() const { return token_embedding().size(0); }
  std::int64_t width() const { return token_embedding().size(1); }

  /// Returns the widths of which `width()` is the sum, one for each tower.
  std::vector<std::int64_t> widths() const;

  /// Returns the width of the pooled texts; 0 where there are none.
  std::int64_t pooled_width() const;

  /// Returns the number of ids of the longest prompt.
  std::int64_t max_length() const;

  /// Begins the names of all layers of a text encoder; what follows is `.` or `_2.`.
  static constexpr std::string_view name = "text_encoder";

 private:
  static void visit_added(auto& self, const auto& visitor) {
    if (auto* const clip = std::get_if<clip_text>(&self.network_)) clip_text::visit_added(*clip, visitor);
    if (auto* const pair = std::get_if<clip_pair>(&self.network_))
      clip_pair::visit_towers(*pair, [&](auto& tower) { clip_text::visit_added(tower, visitor); });
  }

  std::variant<clip_text, clip_pair, ldm_bert> network_;
};

}  // namespace dvar::models
