#pragma once

#include "models/clip.hpp"
#include "models/conditioning.hpp"

namespace dvar::models {

/// Runs the two text towers of Stable Diffusion XL side by side (Podell et al., arXiv 2307.01952, section 2.1): the states of
/// each before its last layer, joined, and the second's projection of the whole text.
///
/// The towers have the same vocabulary, so that a word is one row of both tables joined. Their tokenizers fill up texts in ways
/// of their own, so that ids are [batch, 2 x length], the first tower's before the second's.
class clip_pair {
 public:
  /// Joins the towers. `end_id` is the token behind a text. Throws `std::invalid_argument` when vocabularies or lengths differ,
  /// or the second has no projection.
  clip_pair(clip_text first, clip_text second, std::int64_t end_id);

  /// Returns the rows of both token embeddings, [vocabulary, first width + second width].
  const at::Tensor& token_embedding() const { return token_embedding_; }

  /// Encodes ids [batch, 2 x length], ids beyond the vocabulary by rows of `concept_vectors` [vectors, both widths]: states
  /// [batch, length, both widths], and the projection [batch, projection] of the second's state at the first `end_id`. `keys` are
  /// those of `added_products`.
  conditioning encode(const at::Tensor& ids, const at::Tensor& concept_vectors = {},
                      const at::Tensor& keys = {}) const;

  std::int64_t max_length() const { return first_.options().max_length; }
  std::int64_t first_width() const { return first_.options().encoder.width; }
  std::int64_t projection_width() const { return second_.options().projection_width; }

  /// Shows a visitor the first tower and the second.
  static void visit_towers(auto& self, const auto& visitor) {
    visitor(self.first_);
    visitor(self.second_);
  }

 private:
  clip_text first_;
  clip_text second_;
  std::int64_t end_id_;
  at::Tensor token_embedding_;
};

}  // namespace dvar::models
