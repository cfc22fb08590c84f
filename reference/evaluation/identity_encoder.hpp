#pragma once

#include "evaluation/image_preparation.hpp"
#include "evaluation/similarity.hpp"
#include "models/vit.hpp"

namespace dvar::evaluation {

/// Tells whether two pictures show the same thing, not only things of the same kind: a Vision Transformer
/// that learned from pictures alone, such as DINO ViT-S/16, which was trained to know a picture again
/// (DreamBooth, arXiv 2208.12242, section 4.2, says why CLIP does not serve for it).
class identity_encoder {
 public:
  /// Reads `config.json`, `preprocessor_config.json` and the weights of a ViTModel. Throws
  /// `dvar::input_error` when one is missing or wrong, and names file, and key or tensor.
  static identity_encoder open(const std::filesystem::path& directory,
                               const models::placement& placement = {});

  /// Turns pictures float32 [n, 3, H, W] in [-1, 1], of any size, into the class token's states as unit rows
  /// [n, width].
  at::Tensor features(const at::Tensor& pictures) const;

 private:
  identity_encoder(models::vit network, image_preparation preparation, const models::placement& placement);

  models::vit network_;
  image_preparation preparation_;
  models::placement placement_;
};

}  // namespace dvar::evaluation
