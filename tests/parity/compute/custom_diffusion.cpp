// Custom Diffusion with recorded draws, and the UNet with the weights of a file.
#include "diffusion/custom_diffusion_file.hpp"
#include "request.hpp"
#include "training/concept_training.hpp"
#include "training/rescaling.hpp"

namespace dvar::parity {
namespace {

/// Adds the weights, as `when/LAYER`.
void put(tensors& outputs, const std::string& when, const models::layer_weights& weights) {
  for (const auto& [layer, weight] : weights)
    outputs[when + "/" + layer] = weight.detach().clone();
}

/// Returns the frames of a step's pictures, [batch, 3, S, S], and their masks, [batch, 1, h, w].
std::pair<at::Tensor, at::Tensor> frames_of(const diffusion::latent_diffusion& model,
                                            const at::Tensor& levels, const at::Tensor& rescalings) {
  std::vector<at::Tensor> frames, masks;
  for (const at::Tensor& each : rescalings.unbind()) {
    const auto number = [&](std::int64_t i) { return each[i].item<std::int64_t>(); };
    const training::rescaling how{.edge = number(1), .top = number(2), .left = number(3)};
    frames.push_back(training::rescaled(levels[number(0)], how));
    masks.push_back(training::mask_of(how, model.resolution(), model.autoencoder.factor()));
  }
  return {at::stack(frames), at::stack(masks)};
}

/// Runs the trainer's own loss, gradient and update of keys' and values' weights and a token's vectors, with the draws of every step
/// given instead of drawn, as `dreambooth_lora` does; `rescalings` [steps, batch, 4] are there where pictures are rescaled, with
/// `levels` uint8 [2 pictures, 3, S, S], to show what they are.
tensors custom_diffusion(const request& r) {
  const auto model = diffusion::latent_diffusion::open(r.model(), r.placement());
  const at::Tensor initial = r.tensor("initial");
  const diffusion::prompt_encoder prompts{model, "<thing>", initial.size(0)};
  const data::concept_dataset pictures{{.images_dir = r.model() / "pictures", .size = model.resolution()}};
  const training::batch_workers workers;
  const bool rescales = r.has("rescalings");
  training::inversion_options options{
      .method = training::method_kind::custom_diffusion,
      .batch = r.tensor("pictures").size(1),
      .optimizer = training::adamw_options{.learning_rate = r.number("learning_rate"),
                                           .weight_decay = r.number("weight_decay")},
      .max_gradient_norm = r.number("max_gradient_norm"),
      .custom_diffusion = {.learning_rate = r.number("kv_learning_rate"), .rescale = rescales},
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
  const auto weights = [&] { return training.weights_of(training.parameters().values()); };
  put(outputs, "before", weights());
  std::vector<at::Tensor> vectors, losses, norms, embeddings, frames, masks;
  for (std::int64_t step = 0; step < r.tensor("pictures").size(0); ++step) {
    training::inversion_inputs all = inputs("", step);
    if (rescales) {
      all.rescalings = r.tensor("rescalings")[step];
      const auto [shown, counted] = frames_of(model, r.tensor("levels"), all.rescalings);
      frames.push_back(shown);
      masks.push_back(counted);
    }
    all = training.inputs().of_method(all, workers);
    if (options.prior) {
      training::inversion_inputs of_class = inputs("class_", step);
      if (rescales) of_class = training.inputs().with_latents(of_class);
      all = all.followed_by(of_class, options.prior->weight);
    }
    const training::inversion_loss evaluated = training.evaluate(all);
    training.apply(evaluated.gradient);
    vectors.push_back(training.vectors().detach().clone());
    losses.push_back(evaluated.value);
    norms.push_back(evaluated.gradient.norm());
    embeddings.push_back(sinusoids(model.unet, all.timesteps));
  }
  put(outputs, "after", weights());
  outputs["vectors"] = at::stack(vectors);
  outputs["losses"] = at::stack(losses);
  outputs["norms"] = at::stack(norms);
  outputs["sinusoids"] = at::stack(embeddings);
  if (rescales) {
    outputs["frames"] = at::stack(frames);
    outputs["masks"] = at::stack(masks);
  }
  return outputs;
}
const entry custom_diffusion_entry{"custom_diffusion", custom_diffusion};

/// Runs the UNet of a directory with the weights of the file in it, `custom.safetensors` or `custom.bin`, and writes them to
/// `written.safetensors`.
tensors unet_with_custom_diffusion(const request& r) {
  const models::unet_2d_condition network = models::open_unet(files_of(r.model()), r.placement());
  const bool pickled = fs::exists(r.model() / "custom.bin");
  models::layer_weights learned =
      diffusion::read_custom_diffusion(r.model() / (pickled ? "custom.bin" : "custom.safetensors"), network);
  diffusion::write_custom_diffusion(r.model() / "written.safetensors", learned, network, {});
  for (auto& [layer, weight] : learned)
    weight = r.placement().parameter(weight);
  return {{"output", network.with_keys_and_values(learned)(r.tensor("sample"), r.tensor("timesteps"),
                                                           r.tensor("context"))}};
}
const entry unet_with_custom_diffusion_entry{"unet_with_custom_diffusion", unet_with_custom_diffusion};

}  // namespace
}  // namespace dvar::parity
