// DreamBooth-LoRA with recorded draws, and the UNet with a LoRA of a file.
#include "diffusion/lora_file.hpp"
#include "recorded_training.hpp"

namespace dvar::parity {
namespace {

/// Adds the factors, as `when/LAYER/down` and `up`.
void put(tensors& outputs, const std::string& when, const models::low_rank_products& products) {
  for (const auto& [layer, added] : products) {
    outputs[when + "/" + layer + "/down"] = added.front().down.detach().clone();
    outputs[when + "/" + layer + "/up"] = added.front().up.detach().clone();
  }
}

/// Runs a LoRA and a token's vectors; `layers` counts through `training::lora_layers`.
tensors dreambooth_lora(const request& r) {
  training::inversion_options options = options_of(r, training::method_kind::dreambooth_lora);
  options.lora = {.rank = static_cast<std::int64_t>(r.number("rank")),
                  .alpha = r.number("alpha"),
                  .learning_rate = r.number("lora_learning_rate"),
                  .layers = static_cast<training::lora_layers>(r.number("layers")),
                  .conv_rank = static_cast<std::int64_t>(r.number("conv_rank")),
                  .conv_alpha = r.number("conv_alpha"),
                  .dropout = r.number("dropout"),
                  .text_encoder = r.number("text_encoder") != 0.0,
                  .text_learning_rate = r.number("text_learning_rate")};
  recorded_training recorded{r, options};
  tensors first;
  put(first, "before", recorded.training().added());
  tensors outputs = recorded.run([&](std::int64_t step) {
    const training::inversion_inputs all = recorded.inputs("", step);
    return options.prior ? all.followed_by(recorded.inputs("class_", step), options.prior->weight) : all;
  });
  outputs.merge(first);
  put(outputs, "after", recorded.training().added());
  return outputs;
}
const entry dreambooth_lora_entry{"dreambooth_lora", dreambooth_lora};

/// Runs the UNet of a directory with what `lora.safetensors` there adds to it, and writes the same in both layouts beside it.
tensors unet_with_lora(const request& r) {
  const models::unet_2d_condition network = models::open_unet(files_of(r.model()), r.placement());
  const std::vector<models::added_products> layers = network.layers_to_add_to();
  models::low_rank_products products = diffusion::read_lora(r.model() / "lora.safetensors", layers);
  diffusion::write_lora(r.model() / "written.safetensors", diffusion::lora_layout::diffusers, products,
                        layers, {});
  diffusion::write_lora(r.model() / "written_kohya.safetensors", diffusion::lora_layout::kohya, products,
                        layers, {});
  for (auto& [layer, added] : products)
    for (models::low_rank& product : added)
      product = {r.placement().parameter(product.down), r.placement().parameter(product.up), product.scale};
  return {{"output", network.with(products)(r.tensor("sample"), r.tensor("timesteps"), r.tensor("context"))},
          {"sinusoids", sinusoids(network, r.tensor("timesteps"))}};
}
const entry unet_with_lora_entry{"unet_with_lora", unet_with_lora};

}  // namespace
}  // namespace dvar::parity
