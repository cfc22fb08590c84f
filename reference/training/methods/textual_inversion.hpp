#pragma once

#include "diffusion/prompt_encoder.hpp"
#include "training/methods/method.hpp"

namespace dvar::training {

/// Learns the embedding of a new token by Textual Inversion (Gal et al., arXiv 2208.01618) in a frozen latent diffusion model. The
/// concept's vectors are the only parameters: nothing else can drift, and there is nothing to copy back.
class textual_inversion final : public method {
 public:
  /// Starts from `initial_vectors` [vectors, width]. What is passed by reference must outlive the object.
  textual_inversion(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                    const at::Tensor& initial_vectors, double learning_rate);

  parameter_set& parameters() override { return parameters_; }
  const parameter_set& parameters() const override { return parameters_; }
  const at::Tensor& vectors() const override { return parameters_.members().front().leaves.front(); }
  at::Tensor predict(const at::Tensor& noisy, const at::Tensor& timesteps,
                     const diffusion::prompt_inputs& prompts) const override;

 private:
  const diffusion::latent_diffusion* model_;
  const diffusion::prompt_encoder* prompts_;
  parameter_set parameters_;
};

}  // namespace dvar::training
