// Custom Diffusion with recorded draws, and the UNet with the weights of a file.
#include "diffusion/custom_diffusion_file.hpp"
#include "recorded_training.hpp"
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

/// Returns the ids of the captions that the training itself draws from: those of both concepts, and behind them those of their classes.
at::Tensor own_captions(const request& r, const training::concept_training& training, bool rescales) {
  std::vector<std::int64_t> numbers;
  const std::int64_t plain = std::ssize(training.pictures().captions());
  for (std::int64_t i = 0; i < plain; ++i)
    numbers.push_back(i);
  const std::int64_t first_of_class = rescales ? plain * (1 + std::ssize(training::size_words)) : plain;
  for (std::int64_t i = 0; i < std::ssize(class_prompts(r)); ++i)
    numbers.push_back(first_of_class + i);
  return training.caption_ids(numbers);
}

/// Runs keys' and values' weights and a token's vectors; `rescalings` [steps, batch, 4] are there where pictures are rescaled, with
/// `levels` uint8 [2 pictures, 3, S, S], to show what they are.
tensors custom_diffusion(const request& r) {
  const bool rescales = r.has("rescalings");
  training::inversion_options options = options_of(r, training::method_kind::custom_diffusion);
  options.max_gradient_norm = r.number("max_gradient_norm");
  options.custom_diffusion = {.learning_rate = r.number("kv_learning_rate"), .rescale = rescales};
  recorded_training recorded{r, options};
  const training::concept_inputs& how = recorded.training().inputs();
  const auto weights = [&] {
    return recorded.training().weights_of(recorded.training().parameters().values());
  };
  tensors others;
  put(others, "before", weights());
  std::vector<at::Tensor> frames, masks;
  tensors outputs = recorded.run([&](std::int64_t step) {
    training::inversion_inputs all = recorded.inputs("", step);
    if (rescales) {
      all.rescalings = r.tensor("rescalings")[step];
      const auto [shown, counted] = frames_of(recorded.model(), r.tensor("levels"), all.rescalings);
      frames.push_back(shown);
      masks.push_back(counted);
    }
    all = how.of_method(all, recorded.workers());
    if (!options.prior) return all;
    training::inversion_inputs of_class = recorded.inputs("class_", step);
    if (rescales) of_class = how.with_latents(of_class);
    return all.followed_by(of_class, options.prior->weight);
  });
  put(others, "after", weights());
  if (has_two_concepts(r)) others["own_ids"] = own_captions(r, recorded.training(), rescales);
  if (rescales) {
    others["frames"] = at::stack(frames);
    others["masks"] = at::stack(masks);
  }
  outputs.merge(others);
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
