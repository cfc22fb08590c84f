#pragma once

#include "diffusion/latent_diffusion.hpp"

namespace dvar::training {

/// Keeps the latent distributions of a concept's pictures, encoded once: what the autoencoder says of a
/// picture never changes, so a step only draws from it.
class concept_latents {
 public:
  /// Encodes pictures float32 [n, 3, S, S] in [-1, 1], each as it is and mirrored, and others [m, 3, S, S], if there are any, as
  /// they are. The autoencoder must outlive the object.
  concept_latents(const models::autoencoder_kl& autoencoder, const at::Tensor& pictures,
                  const models::placement& placement, const at::Tensor& others = {});

  /// Draws scaled latents of pictures, in the placement's `master()` type, [batch, channels, h, w]. `indices`
  /// int64 [batch]: i for picture i, n + i for its mirror image, 2 n + i for
  /// another picture. `noise` has the result's shape.
  at::Tensor sample(const at::Tensor& indices, const at::Tensor& noise) const;

  /// Draws scaled latents of a picture that is not kept, float32 [3, S, S] in [-1, 1], likewise; `noise` is [channels, h, w], and
  /// so is the result.
  at::Tensor sample_of(const at::Tensor& picture, const at::Tensor& noise) const;

  std::int64_t pictures() const { return pictures_; }
  /// Returns the shape of one latent: [channels, h, w].
  at::IntArrayRef shape() const { return mean_.sizes().slice(1); }

 private:
  /// Encodes a picture [1, 3, S, S].
  models::latent_distribution scaled(const at::Tensor& picture) const;

  const models::autoencoder_kl* autoencoder_;
  models::placement placement_;
  std::int64_t pictures_;
  at::Tensor mean_;       ///< [2 n + m, channels, h, w], scaled
  at::Tensor deviation_;  ///< same shape
};

}  // namespace dvar::training
