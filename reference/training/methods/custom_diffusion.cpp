#include "training/methods/custom_diffusion.hpp"

namespace dvar::training {
namespace {

std::vector<initial_parameters> weights_and_vectors(const diffusion::latent_diffusion& model,
                                                    const at::Tensor& initial_vectors,
                                                    const inversion_options& options) {
  std::vector<initial_parameters> initial;
  if (!options.freeze_token)
    initial.push_back({vectors_name, learning_rate_of(options.optimizer), {initial_vectors}});
  initial_parameters weights{keys_and_values_name, options.custom_diffusion.learning_rate, {}};
  // As the networks compute with them, whatever type they have in their file.
  for (const auto& [layer, weight] : model.unet.keys_and_values())
    weights.tensors.push_back(weight.to(model.placement.dtype));
  initial.push_back(std::move(weights));
  return initial;
}

/// Returns these weights by their layers, in the order of `unet_2d_condition::keys_and_values`.
models::layer_weights by_layer(const std::vector<at::Tensor>& weights,
                               const models::unet_2d_condition& unet) {
  models::layer_weights named = unet.keys_and_values();
  auto next = weights.begin();
  for (auto& [layer, weight] : named)
    weight = *next++;
  return named;
}

}  // namespace

custom_diffusion::custom_diffusion(const diffusion::latent_diffusion& model,
                                   const diffusion::prompt_encoder& prompts,
                                   const at::Tensor& initial_vectors, const inversion_options& options)
    : prompts_{&prompts},
      parameters_{weights_and_vectors(model, initial_vectors, options), model.placement},
      vectors_{parameters_.tensor_or(vectors_name, initial_vectors, model.placement)},
      unet_{model.unet.with_keys_and_values(
          by_layer(parameters_.find(keys_and_values_name)->leaves, model.unet))} {}

models::layer_weights custom_diffusion::weights_of(const at::Tensor& values) const {
  return by_layer(parameter_set::tensors_of(values, *parameters_.find(keys_and_values_name)), unet_);
}

at::Tensor custom_diffusion::predict(const at::Tensor& noisy, const at::Tensor& timesteps,
                                     const diffusion::prompt_inputs& prompts) const {
  return unet_(noisy, timesteps, prompts_->states(prompts, vectors_));
}

}  // namespace dvar::training
