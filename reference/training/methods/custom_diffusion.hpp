#pragma once

#include "diffusion/prompt_encoder.hpp"
#include "training/inversion_options.hpp"
#include "training/methods/method.hpp"

namespace dvar::training {

/// Names the member of a `parameter_set` that holds the UNet's weights of keys and values of the text.
inline constexpr const char* keys_and_values_name = "unet_kv";

/// Learns the weights that make keys and values of the text in the UNet's cross-attentions, beginning with the model's own, and the
/// vectors of the token with them, unless these are to stay (Custom Diffusion, Kumari et al., arXiv 2212.04488). What the first
/// position of a prompt gives has no part in it: see `models::replaced_product`.
class custom_diffusion final : public method {
 public:
  /// Starts from `initial_vectors` [vectors, width]. What is passed by reference must outlive the object.
  custom_diffusion(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                   const at::Tensor& initial_vectors, const inversion_options& options);

  parameter_set& parameters() override { return parameters_; }
  const parameter_set& parameters() const override { return parameters_; }
  const at::Tensor& vectors() const override { return vectors_; }
  models::layer_weights weights_of(const at::Tensor& values) const override;
  at::Tensor predict(const at::Tensor& noisy, const at::Tensor& timesteps,
                     const diffusion::prompt_inputs& prompts) const override;

 private:
  const diffusion::prompt_encoder* prompts_;
  parameter_set parameters_;
  at::Tensor vectors_;
  models::unet_2d_condition unet_;  ///< the model's, with the weights that are learned
};

}  // namespace dvar::training
