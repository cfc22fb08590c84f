#include "training/methods/textual_inversion.hpp"

namespace dvar::training {

textual_inversion::textual_inversion(const diffusion::latent_diffusion& model,
                                     const diffusion::prompt_encoder& prompts,
                                     const at::Tensor& initial_vectors, double learning_rate)
    : model_{&model},
      prompts_{&prompts},
      parameters_{{{vectors_name, learning_rate, {initial_vectors}}}, model.placement} {}

at::Tensor textual_inversion::predict(const at::Tensor& noisy, const at::Tensor& timesteps,
                                      const diffusion::prompt_inputs& prompts) const {
  return model_->unet(noisy, timesteps, prompts_->states(prompts, vectors()));
}

}  // namespace dvar::training
