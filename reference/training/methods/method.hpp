#pragma once

#include "diffusion/prompt_encoder.hpp"
#include "models/low_rank.hpp"
#include "models/replaced_weight.hpp"
#include "training/parameter_set.hpp"

namespace dvar::training {

/// Names the member of a `parameter_set` that holds the vectors of the token.
inline constexpr const char* vectors_name = "vectors";

/// Says which parameters are learned, and how the networks predict with them. Inputs, loss, steps, probe, checkpoints, ranks and
/// stopping rules are the same for all methods.
class method {
 public:
  method() = default;
  method(const method&) = delete;
  method& operator=(const method&) = delete;
  virtual ~method() = default;

  /// Returns what is learned.
  virtual parameter_set& parameters() = 0;
  virtual const parameter_set& parameters() const = 0;

  /// Returns the token's vectors, float32 [vectors, width], whether they are learned or stay as they began.
  virtual const at::Tensor& vectors() const = 0;

  /// Returns what is added to layers of the model with these numbers for all parameters, [size]; empty where nothing is.
  virtual models::low_rank_products added_of(const at::Tensor& values) const {
    static_cast<void>(values);
    return {};
  }

  /// Returns the weights that stand for layers' own in the UNet with these numbers for all parameters, [size]; empty where there are
  /// none.
  virtual models::layer_weights weights_of(const at::Tensor& values) const {
    static_cast<void>(values);
    return {};
  }

  /// Returns the prediction for noisy latents [batch, channels, h, w], as the networks take them, at timesteps [batch] and
  /// prompts, as many; differentiable with respect to the parameters.
  virtual at::Tensor predict(const at::Tensor& noisy, const at::Tensor& timesteps,
                             const diffusion::prompt_inputs& prompts) const = 0;
};

}  // namespace dvar::training
