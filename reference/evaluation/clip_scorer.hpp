#pragma once

#include <span>

#include "evaluation/similarity.hpp"
#include "models/clip.hpp"
#include "models/file_parameters.hpp"
#include "text/clip_tokenizer.hpp"

namespace dvar::evaluation {

/// Compares pictures with pictures and with text by CLIP (Radford et al., arXiv 2103.00020).
class clip_scorer {
 public:
  /// Returns whether `directory` holds what `open` needs.
  static bool is_in(const std::filesystem::path& directory);

  /// Reads either a CLIP model's own directory (a CLIPModel), or a model directory whose `text_encoder` and
  /// `image_encoder` are the two towers of one CLIP. Throws `dvar::input_error` when a file is missing or
  /// wrong, and names it.
  static clip_scorer open(const std::filesystem::path& directory, const models::placement& placement = {});

  /// Turns pictures float32 [n, 3, H, W] in [-1, 1], of any size, into unit rows [n, width].
  at::Tensor image_features(const at::Tensor& pictures) const;

  /// Turns texts into unit rows [texts, width]. What neighbors begin with is computed once for up to 256 of them.
  at::Tensor text_features(const std::vector<std::string>& texts) const;

  const text::clip_tokenizer& tokenizer() const { return tokenizer_; }

 private:
  clip_scorer(text::clip_tokenizer tokenizer, models::clip_text text, models::clip_vision vision,
              at::Tensor mean, at::Tensor deviation, const models::placement& placement);

  at::Tensor features_of_chunk(std::span<const std::string> texts) const;

  text::clip_tokenizer tokenizer_;
  models::clip_text text_;
  models::clip_vision vision_;
  at::Tensor mean_;       ///< [1, 3, 1, 1], for pixels in [0, 1]
  at::Tensor deviation_;  ///< same shape
  models::placement placement_;
};

}  // namespace dvar::evaluation
