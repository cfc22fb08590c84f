#pragma once

#include "diffusion/prompt_encoder.hpp"
#include "training/inversion_options.hpp"
#include "training/methods/method.hpp"

namespace dvar::training {

/// Names the member of a `parameter_set` that holds the factors of the UNet's products.
inline constexpr const char* lora_name = "unet_lora";
/// Names the member that holds those of the text encoder's.
inline constexpr const char* text_lora_name = "text_lora";

/// Learns low-rank products that are added to layers of the UNet, and of the text encoder if it is to learn (DreamBooth, Ruiz et al.,
/// arXiv 2208.12242, with LoRA, Hu et al., arXiv 2106.09685), and the vectors of the token with them, unless these are to stay.
///
/// A begins as diffusers' programs have it: normal, with the standard deviation 1 / rank; B as zero.
class dreambooth_lora final : public method {
 public:
  /// Starts from `initial_vectors` [vectors, width], and from factors that the seed decides, the same on every rank. What is passed
  /// by reference must outlive the object. Throws `std::invalid_argument` when a rank is below 1, the dropout is not from 0 up to 1, or
  /// a text encoder is to learn that has no layers for it.
  dreambooth_lora(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                  const at::Tensor& initial_vectors, const inversion_options& options);

  parameter_set& parameters() override { return parameters_; }
  const parameter_set& parameters() const override { return parameters_; }
  const at::Tensor& vectors() const override { return vectors_; }
  models::low_rank_products added_of(const at::Tensor& values) const override;
  at::Tensor predict(const at::Tensor& noisy, const at::Tensor& timesteps,
                     const diffusion::prompt_inputs& prompts) const override;

 private:
  lora_options options_;
  parameter_set parameters_;
  at::Tensor vectors_;
  diffusion::latent_diffusion learned_;  ///< the model, with the products
  diffusion::prompt_encoder prompts_;    ///< by the text encoder of `learned_`
};

/// Returns the layers of a UNet that get factors.
std::vector<models::added_products> layers_of(const models::unet_2d_condition& unet, lora_layers layers);

/// Returns the layers of a text encoder that get factors where it learns: all that have an effect, with `attention` those of attention.
std::vector<models::added_products> layers_of(const models::text_encoder& encoder, lora_layers layers);

}  // namespace dvar::training
