// DreamBooth-LoRA with recorded draws, and the UNet with a LoRA of a file.
#include "diffusion/lora_file.hpp"
#include "request.hpp"
#include "training/concept_training.hpp"

namespace dvar::parity {
namespace {

/// Adds the factors, as `when/LAYER/down` and `up`.
void put(tensors& outputs, const std::string& when, const models::low_rank_products& products) {
  for (const auto& [layer, added] : products) {
    outputs[when + "/" + layer + "/down"] = added.front().down.detach().clone();
    outputs[when + "/" + layer + "/up"] = added.front().up.detach().clone();
  }
}

/// Runs the trainer's own loss, gradient and update of a LoRA and a token's vectors, with the draws of every step given instead of
/// drawn, as `textual_inversion` does. With `prior_weight`, class pictures [n, 3, S, S] are learned from beside the thing's; their
/// draws begin with `class_`.
tensors dreambooth_lora(const request& r) {
  const auto model = diffusion::latent_diffusion::open(r.model(), r.placement());
  const at::Tensor initial = r.tensor("initial");
  const diffusion::prompt_encoder prompts{model, "<thing>", initial.size(0)};
  const data::concept_dataset pictures{{.images_dir = r.model() / "pictures", .size = model.resolution()}};
  const training::batch_workers workers;
  training::inversion_options options{
      .method = training::method_kind::dreambooth_lora,
      .batch = r.tensor("pictures").size(1),
      .optimizer = training::adamw_options{.learning_rate = r.number("learning_rate"),
                                           .weight_decay = r.number("weight_decay")},
      .lora = {.rank = static_cast<std::int64_t>(r.number("rank")),
               .alpha = r.number("alpha"),
               .learning_rate = r.number("lora_learning_rate"),
               .layers = r.number("all_layers") == 0.0 ? training::lora_layers::attention
                                                       : training::lora_layers::transformer},
      .freeze_token = r.number("freeze_token") != 0.0};
  if (r.has("prior_weight"))
    options.prior = training::prior_options{
        .pictures = r.tensor("class_images"), .prompt = "a dog", .weight = r.number("prior_weight")};
  training::concept_training training{model, pictures, prompts, initial, options, workers};
  const at::Tensor ids = prompts.ids(lines_of(r.model() / "captions.txt"));
  const auto inputs = [&](const std::string& prefix, std::int64_t step) {
    return training::inversion_inputs{.pictures = r.tensor(prefix + "pictures")[step],
                                      .ids = ids.index_select(0, r.tensor(prefix + "captions")[step]),
                                      .latent_noise = r.tensor(prefix + "latent_noise")[step],
                                      .noise = r.tensor(prefix + "noise")[step],
                                      .timesteps = r.tensor(prefix + "timesteps")[step]};
  };
  tensors outputs{{"ids", ids}, {"alphas", model.schedule.alphas_cumulative().to(at::kFloat)}};
  put(outputs, "before", training.added());
  std::vector<at::Tensor> vectors, losses, embeddings;
  for (std::int64_t step = 0; step < r.tensor("pictures").size(0); ++step) {
    training::inversion_inputs all = inputs("", step);
    if (options.prior) all = all.followed_by(inputs("class_", step), options.prior->weight);
    const training::inversion_loss evaluated = training.evaluate(all);
    training.apply(evaluated.gradient);
    vectors.push_back(training.vectors().detach().clone());
    losses.push_back(evaluated.value);
    embeddings.push_back(sinusoids(model.unet, all.timesteps));
  }
  put(outputs, "after", training.added());
  outputs["vectors"] = at::stack(vectors);
  outputs["losses"] = at::stack(losses);
  outputs["sinusoids"] = at::stack(embeddings);
  return outputs;
}
const entry dreambooth_lora_entry{"dreambooth_lora", dreambooth_lora};

/// Runs the UNet of a directory with what `lora.safetensors` there adds to it, and writes the same in both layouts beside it.
tensors unet_with_lora(const request& r) {
  const models::unet_2d_condition network = models::open_unet(files_of(r.model()), r.placement());
  models::low_rank_products products = diffusion::read_lora(r.model() / "lora.safetensors", network);
  diffusion::write_lora(r.model() / "written.safetensors", diffusion::lora_layout::diffusers, products,
                        network, {});
  diffusion::write_lora(r.model() / "written_kohya.safetensors", diffusion::lora_layout::kohya, products,
                        network, {});
  for (auto& [layer, added] : products)
    for (models::low_rank& product : added)
      product = {r.placement().parameter(product.down), r.placement().parameter(product.up), product.scale};
  return {{"output", network.with(products)(r.tensor("sample"), r.tensor("timesteps"), r.tensor("context"))},
          {"sinusoids", sinusoids(network, r.tensor("timesteps"))}};
}
const entry unet_with_lora_entry{"unet_with_lora", unet_with_lora};

}  // namespace
}  // namespace dvar::parity
