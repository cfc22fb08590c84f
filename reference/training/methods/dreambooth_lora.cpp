#include "training/methods/dreambooth_lora.hpp"

#include <stdexcept>

#include "training/random.hpp"

namespace dvar::training {
namespace {

/// Sets the factors' draws apart from those of the steps, which are numbered from 1.
constexpr std::int64_t step_of_factors = 0;

std::vector<initial_parameters> initial_of(const diffusion::latent_diffusion& model,
                                           const at::Tensor& initial_vectors,
                                           const inversion_options& options) {
  if (options.lora.rank < 1) throw std::invalid_argument("dreambooth_lora: the rank must be at least 1");
  std::vector<initial_parameters> initial;
  if (!options.freeze_token)
    initial.push_back({vectors_name, learning_rate_of(options.optimizer), {initial_vectors}});
  initial_parameters factors{lora_name, options.lora.learning_rate, {}};
  auto random = random_of_step(options.seed, step_of_factors);
  const double deviation = 1.0 / static_cast<double>(options.lora.rank);
  // On a device without numbers there is nothing to draw.
  const at::Device device = model.placement.device.is_meta() ? at::Device{at::kMeta} : at::Device{at::kCPU};
  for (const models::added_products& layer : layers_of(model.unet, options.lora.layers)) {
    at::Tensor down = torch::empty({options.lora.rank, layer.in}, device);
    factors.tensors.push_back(device.is_meta() ? down : down.normal_(0.0, deviation, random.generator));
    factors.tensors.push_back(torch::zeros({layer.out, options.lora.rank}, device));
  }
  initial.push_back(std::move(factors));
  return initial;
}

/// Returns the products of these factors, two for each layer.
models::low_rank_products products_of(const std::vector<at::Tensor>& factors,
                                      const models::unet_2d_condition& unet, const lora_options& options) {
  models::low_rank_products products;
  auto factor = factors.begin();
  for (const models::added_products& layer : layers_of(unet, options.layers)) {
    const at::Tensor down = *factor++;
    const at::Tensor up = *factor++;
    products[layer.layer] = {{.down = down, .up = up, .scale = options.scale()}};
  }
  return products;
}

}  // namespace

std::vector<models::added_products> layers_of(const models::unet_2d_condition& unet, lora_layers layers) {
  std::vector<models::added_products> all = unet.layers_to_add_to();
  if (layers == lora_layers::attention) {
    std::erase_if(all, [](const models::added_products& each) {
      return each.layer.find(".attn1.") == std::string::npos &&
             each.layer.find(".attn2.") == std::string::npos;
    });
  }
  return all;
}

dreambooth_lora::dreambooth_lora(const diffusion::latent_diffusion& model,
                                 const diffusion::prompt_encoder& prompts, const at::Tensor& initial_vectors,
                                 const inversion_options& options)
    : prompts_{&prompts},
      options_{options.lora},
      parameters_{initial_of(model, initial_vectors, options), model.placement},
      vectors_{parameters_.tensor_or(vectors_name, initial_vectors, model.placement)},
      unet_{model.unet.with(products_of(parameters_.find(lora_name)->leaves, model.unet, options.lora))} {}

models::low_rank_products dreambooth_lora::added_of(const at::Tensor& values) const {
  return products_of(parameter_set::tensors_of(values, *parameters_.find(lora_name)), unet_, options_);
}

at::Tensor dreambooth_lora::predict(const at::Tensor& noisy, const at::Tensor& timesteps,
                                    const diffusion::prompt_inputs& prompts) const {
  return unet_(noisy, timesteps, prompts_->states(prompts, vectors_));
}

}  // namespace dvar::training
