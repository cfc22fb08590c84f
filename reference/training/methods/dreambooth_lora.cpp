#include "training/methods/dreambooth_lora.hpp"

#include <stdexcept>

#include "training/random.hpp"

namespace dvar::training {
namespace {

using layer_list = std::vector<models::added_products>;

/// Sets the factors' draws apart from those of the steps, which are numbered from 1.
constexpr std::int64_t step_of_factors = 0;

bool is_in(const models::added_products& layer, std::string_view part) {
  return layer.layer.find(part) != std::string::npos;
}

void check(const diffusion::latent_diffusion& model, const lora_options& options) {
  if (options.rank < 1 || options.conv_rank.value_or(1) < 1)
    throw std::invalid_argument("dreambooth_lora: the rank must be at least 1");
  if (!(options.dropout >= 0.0 && options.dropout < 1.0))
    throw std::invalid_argument("dreambooth_lora: the dropout must be from 0 up to 1, which it is not");
  if (options.text_encoder && layers_of(model.text_encoder, options.layers).empty())
    throw std::invalid_argument("dreambooth_lora: the text encoder has no layers for factors");
}

/// Returns what the factors of layers begin as, two for each. On a device without numbers there is nothing to draw.
initial_parameters initial_factors(const char* name, double learning_rate, const layer_list& layers,
                                   const lora_options& options, const at::Device& device,
                                   at::Generator& generator) {
  initial_parameters factors{name, learning_rate, {}};
  for (const models::added_products& layer : layers) {
    const std::int64_t rank = options.rank_of(layer.kernel);
    std::vector<std::int64_t> sizes{rank, layer.in};
    if (layer.kernel > 1) sizes.insert(sizes.end(), {layer.kernel, layer.kernel});
    at::Tensor down = torch::empty(sizes, device);
    if (!device.is_meta()) down.normal_(0.0, 1.0 / static_cast<double>(rank), generator);
    factors.tensors.push_back(down);
    factors.tensors.push_back(torch::zeros({layer.out, rank}, device));
  }
  return factors;
}

std::vector<initial_parameters> initial_of(const diffusion::latent_diffusion& model,
                                           const at::Tensor& initial_vectors,
                                           const inversion_options& options) {
  const lora_options& lora = options.lora;
  check(model, lora);
  std::vector<initial_parameters> initial;
  if (!options.freeze_token)
    initial.push_back({vectors_name, learning_rate_of(options.optimizer), {initial_vectors}});
  auto random = random_of_step(options.seed, step_of_factors);
  const at::Device device = model.placement.device.is_meta() ? at::Device{at::kMeta} : at::Device{at::kCPU};
  const auto add = [&](const char* name, double rate, const layer_list& layers) {
    initial.push_back(initial_factors(name, rate, layers, lora, device, random.generator));
  };
  add(lora_name, lora.learning_rate, layers_of(model.unet, lora.layers));
  if (lora.text_encoder)
    add(text_lora_name, lora.text_learning_rate.value_or(lora.learning_rate),
        layers_of(model.text_encoder, lora.layers));
  return initial;
}

/// Adds the products of these factors, two for each layer.
void put(models::low_rank_products& products, const std::vector<at::Tensor>& factors,
         const layer_list& layers, const lora_options& options) {
  auto factor = factors.begin();
  for (const models::added_products& layer : layers) {
    const at::Tensor down = *factor++;
    const at::Tensor up = *factor++;
    products[layer.layer] = {
        {.down = down, .up = up, .scale = options.scale_of(layer.kernel), .dropout = options.dropout}};
  }
}

/// Returns the products of a model's factors, which `tensors_of` gives for a member of the parameters.
template <class TensorsOf>
models::low_rank_products products_of(const diffusion::latent_diffusion& model,
                                      const parameter_set& parameters, const lora_options& options,
                                      const TensorsOf& tensors_of) {
  models::low_rank_products products;
  put(products, tensors_of(*parameters.find(lora_name)), layers_of(model.unet, options.layers), options);
  if (const parameter_set::member* const of_text = parameters.find(text_lora_name))
    put(products, tensors_of(*of_text), layers_of(model.text_encoder, options.layers), options);
  return products;
}

}  // namespace

std::vector<models::added_products> layers_of(const models::unet_2d_condition& unet, lora_layers layers) {
  layer_list all = unet.layers_to_add_to();
  if (layers == lora_layers::attention)
    std::erase_if(all, [](const auto& each) { return !is_in(each, ".attn1.") && !is_in(each, ".attn2."); });
  if (layers == lora_layers::transformer)
    std::erase_if(all, [](const auto& each) { return !is_in(each, "attentions."); });
  return all;
}

std::vector<models::added_products> layers_of(const models::text_encoder& encoder, lora_layers layers) {
  layer_list all = encoder.layers_to_add_to();
  std::erase_if(all, [&](const models::added_products& each) {
    return !each.has_effect || (layers == lora_layers::attention && !is_in(each, ".self_attn."));
  });
  return all;
}

dreambooth_lora::dreambooth_lora(const diffusion::latent_diffusion& model,
                                 const diffusion::prompt_encoder& prompts, const at::Tensor& initial_vectors,
                                 const inversion_options& options)
    : options_{options.lora},
      parameters_{initial_of(model, initial_vectors, options), model.placement},
      vectors_{parameters_.tensor_or(vectors_name, initial_vectors, model.placement)},
      learned_{model.with(products_of(model, parameters_, options.lora,
                                      [](const parameter_set::member& member) { return member.leaves; }))},
      prompts_{prompts.of(learned_)} {}

models::low_rank_products dreambooth_lora::added_of(const at::Tensor& values) const {
  return products_of(learned_, parameters_, options_, [&](const parameter_set::member& member) {
    return parameter_set::tensors_of(values, member);
  });
}

at::Tensor dreambooth_lora::predict(const at::Tensor& noisy, const at::Tensor& timesteps,
                                    const diffusion::prompt_inputs& prompts) const {
  return learned_.unet(noisy, timesteps, prompts_.states(prompts, vectors_));
}

}  // namespace dvar::training
