// Textual inversion with recorded draws.
#include "request.hpp"
#include "training/concept_training.hpp"

namespace dvar::parity {
namespace {

/// Returns the moving average that is asked for: with `ema` one of this decay, with `ema_power` by another beginning.
std::optional<training::average_options> average_of(const request& r) {
  if (!r.has("ema")) return std::nullopt;
  return training::average_options{
      .decay = r.number("ema"),
      .warmup_power = r.has("ema_power") ? std::optional{r.number("ema_power")} : std::nullopt};
}

/// Returns the updates that are asked for: `token_update`, a number for a kind, `token_norm` and `direction_prior`.
training::token_update_options token_updates_of(const request& r) {
  training::token_update_options updates;
  if (r.has("token_update"))
    updates.kind = training::token_update{static_cast<std::uint8_t>(r.number("token_update"))};
  if (r.has("token_norm")) updates.norm = r.number("token_norm");
  if (r.has("direction_prior")) updates.prior = r.number("direction_prior");
  return updates;
}

/// Runs the trainer's own loss, gradient and update, with the draws of every step given instead of drawn:
/// `pictures`, `captions` (lines of `captions.txt`, in which the token is `<thing>`), `timesteps` [steps,
/// batch], `latent_noise` and `noise` [steps, batch, channels, h, w]. The pictures are those in the folder
/// `pictures`, and after them their mirror images. They are weighed by the masks in the folder `masks`, if it
/// is there, whose black weighs `background` (0). With `min_snr`, losses are weighed by it, and with `ema` an average is kept. With
/// `token_update` the vectors keep their norm.
///
/// `sizes` [steps, batch, 6], if given, are those of the chosen pictures, of which only the sinusoids are made: the trainer knows
/// its pictures' sizes.
///
/// Gives the vectors and their average after each step, the losses, and what the peer has to take over to be compared in float64.
tensors textual_inversion(const request& r) {
  const auto model = diffusion::latent_diffusion::open(r.model(), r.placement());
  const at::Tensor initial = r.tensor("initial"), chosen = r.tensor("pictures"),
                   captions = r.tensor("captions"), timesteps = r.tensor("timesteps"),
                   latent_noise = r.tensor("latent_noise"), noise = r.tensor("noise");
  const diffusion::prompt_encoder prompts{model, "<thing>", initial.size(0)};
  const fs::path masks = r.model() / "masks";
  const data::concept_dataset pictures{
      {.images_dir = r.model() / "pictures",
       .size = model.resolution(),
       .masks = fs::exists(masks),
       .masks_dir = masks,
       .mask_background = r.has("background") ? r.number("background") : 0.0}};
  const training::batch_workers workers;
  training::concept_training inversion{
      model,
      pictures,
      prompts,
      initial,
      {.batch = chosen.size(1),
       .optimizer = training::adamw_options{.learning_rate = r.number("learning_rate"),
                                            .weight_decay = r.number("weight_decay")},
       .min_snr = r.has("min_snr") ? std::optional{r.number("min_snr")} : std::nullopt,
       .average = average_of(r),
       .token_updates = token_updates_of(r)},
      workers};
  const at::Tensor ids = prompts.ids(lines_of(r.model() / "captions.txt"));
  std::vector<at::Tensor> vectors, averages, losses, gradients, embeddings, embeddings_of_sizes;
  for (std::int64_t step = 0; step < chosen.size(0); ++step) {
    const training::inversion_inputs inputs{.pictures = chosen[step],
                                            .ids = ids.index_select(0, captions[step]),
                                            .latent_noise = latent_noise[step],
                                            .noise = noise[step],
                                            .timesteps = timesteps[step]};
    const training::inversion_loss evaluated =
        inversion.evaluate(inversion.inputs().of_method(inputs, workers));
    inversion.apply(evaluated.gradient);
    inversion.average();
    vectors.push_back(inversion.vectors().detach().clone());
    averages.push_back(inversion.vectors_of(inversion.given_values()).clone());
    losses.push_back(evaluated.value);
    gradients.push_back(evaluated.gradient.view(initial.sizes()));
    embeddings.push_back(sinusoids(model.unet, timesteps[step]));
    if (r.has("sizes"))
      embeddings_of_sizes.push_back(sinusoids_of_sizes(model.unet, r.tensor("sizes")[step]));
  }
  tensors outputs{{"ids", ids},
                  {"images", pictures.images()},
                  {"vectors", at::stack(vectors)},
                  {"averages", at::stack(averages)},
                  {"losses", at::stack(losses)},
                  {"gradients", at::stack(gradients)},
                  {"sinusoids", at::stack(embeddings)},
                  {"alphas", model.schedule.alphas_cumulative().to(at::kFloat)}};
  if (!embeddings_of_sizes.empty()) outputs["sinusoids_of_sizes"] = at::stack(embeddings_of_sizes);
  return outputs;
}
const entry textual_inversion_entry{"textual_inversion", textual_inversion};

}  // namespace
}  // namespace dvar::parity
