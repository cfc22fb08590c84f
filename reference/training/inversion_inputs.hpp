#pragma once

#include "training/batch_workers.hpp"

namespace dvar::training {

/// Holds everything random that the loss of one batch depends on.
struct inversion_inputs {
  at::Tensor pictures;  ///< int64 [batch], see `concept_latents::sample`
  at::Tensor ids;       ///< int64 [batch, length], the tokenized captions
  /// float32 [batch, channels, h, w]: the draw from a picture's latent distribution.
  at::Tensor latent_noise;
  at::Tensor noise;      ///< float32, same shape: what the network has to predict
  at::Tensor timesteps;  ///< int64 [batch]
  /// int64 [batch, 4] on the CPU: a picture, as `pictures` has it, and edge, top and left of its `rescaling`; undefined where
  /// pictures are learned from as they are.
  at::Tensor rescalings{};
  /// float32 [batch, channels, h, w]: latents that are drawn already, masks among `pixel_weights` then; undefined where they are drawn of what is kept of `pictures`.
  at::Tensor latents{};
  /// float32 [batch, 1, h, w], what the error of a pixel is multiplied by, beside masks; undefined where that is 1 for all.
  at::Tensor pixel_weights{};
  /// float32 [batch], what an input's error is multiplied by; undefined where that is 1 for all.
  at::Tensor weights{};
  /// int64 [batch, 2] on the CPU: a picture, as `pictures` has it, and where its square begins, see `data::random_crops`; undefined
  /// where squares are not cut at random.
  at::Tensor crops{};
  /// int64 [batch, 6], what is said of the sizes of each picture; undefined where that is kept of `pictures`, or nothing is said.
  at::Tensor sizes{};
  /// int64 [batch], by which elements are dropped, see `models::conditioning`; undefined where none are, as in the probe.
  at::Tensor dropout_keys{};

  std::int64_t batch() const { return pictures.size(0); }
  inversion_inputs part(const batch_share& share) const;
  /// Returns these inputs and others behind them, with weights: the mean over all is that over these, and `weight` times that over
  /// the others. Both have latents, weights of pixels and dropout keys, or neither has.
  inversion_inputs followed_by(const inversion_inputs& others, double weight) const;
};

/// Holds a loss on the device that computes it: nothing has waited for its value yet.
struct inversion_loss {
  at::Tensor value;  ///< float64, a scalar
  /// The gradient, float64, with respect to all numbers of a `parameter_set`; undefined where gradients are off.
  at::Tensor gradient;

  /// Adds `weight` times another, to nothing if this is undefined.
  void add(const inversion_loss& other, double weight);
  /// Returns this divided by a number of inputs.
  inversion_loss over(std::int64_t inputs) const;
};

}  // namespace dvar::training
