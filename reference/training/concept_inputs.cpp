#include "training/concept_inputs.hpp"

#include <dvar/probe/draws.hpp>

namespace dvar::training {
namespace {

/// Returns the ids of the pictures' captions, or of the templates where they have none, and of the prompt of the class.
at::Tensor all_captions(const diffusion::prompt_encoder& prompts, const data::concept_dataset& pictures,
                        const inversion_options& options) {
  std::vector<std::string> captions;
  for (const std::string& caption : pictures.captions())
    captions.push_back(text::fill(caption, prompts.token()));
  if (captions.empty())
    for (const std::string_view prompt : text::templates_of(options.kind))
      captions.push_back(text::fill(prompt, prompts.token()));
  if (options.prior) captions.push_back(options.prior->prompt);
  return prompts.ids(captions);
}

/// Returns what each pixel of a latent counts in the mean over all of them, for the pictures, their mirror images, and class
/// pictures.
at::Tensor pixel_weights_of(const at::Tensor& masks, at::IntArrayRef latent, std::int64_t class_pictures,
                            const models::placement& placement) {
  // Without a mask, or with one that is white all over, nothing is weighed, so that no sum is rounded otherwise.
  if (!masks.defined() || (masks == 1).all().item<bool>()) return {};
  const at::Tensor both = at::cat({masks, masks.flip({3})}).to(at::kDouble);
  const at::Tensor shares = at::adaptive_avg_pool2d(both, {latent[1], latent[2]});
  const at::Tensor weights = (shares / shares.mean({1, 2, 3}, /*keepdim=*/true)).to(placement.master());
  const at::Tensor all = torch::ones({class_pictures, 1, latent[1], latent[2]}, weights.options());
  return at::cat({weights, all}).to(placement.device);
}

/// Returns the sizes of the pictures, their mirror images and class pictures, of which nothing is known but what they became.
at::Tensor sizes_of(const diffusion::latent_diffusion& model, const data::concept_dataset& pictures,
                    std::int64_t class_pictures) {
  if (!model.second_tokenizer) return {};
  std::vector<at::Tensor> rows;
  for (const data::picture_sizes& each : pictures.sizes()) {
    rows.push_back(torch::tensor(
        {each.height, each.width, each.top, each.left, pictures.options().size, pictures.options().size}));
  }
  const at::Tensor own = model.placement.sent(at::stack(rows));
  return at::cat({own, own, model.own_sizes().expand({class_pictures, -1})});
}

}  // namespace

concept_inputs::concept_inputs(const diffusion::latent_diffusion& model,
                               const data::concept_dataset& pictures,
                               const diffusion::prompt_encoder& prompts, const inversion_options& options)
    : model_{&model},
      pictures_{&pictures},
      caption_ids_{all_captions(prompts, pictures, options)},
      class_pictures_{options.prior ? options.prior->pictures.size(0) : 0},
      latents_{model.autoencoder, pictures.images(), model.autoencoder_placement,
               options.prior ? options.prior->pictures : at::Tensor{}},
      sizes_{sizes_of(model, pictures, class_pictures_)},
      pixel_weights_{pixel_weights_of(pictures.masks(), latents_.shape(), class_pictures_, model.placement)} {
  model.rest_autoencoder();
}

at::Tensor concept_inputs::caption_ids(const std::vector<std::int64_t>& captions) const {
  return caption_ids_.index_select(0, model_->placement.sent(torch::tensor(captions)));
}

at::Tensor concept_inputs::normal(std::int64_t batch, at::Generator& generator) const {
  std::vector<std::int64_t> shape = latents_.shape().vec();
  shape.insert(shape.begin(), batch);
  return model_->placement.sent(
      torch::empty(shape).normal_(0.0, 1.0, generator).to(model_->placement.master()));
}

inversion_inputs concept_inputs::with_noise(const std::vector<std::int64_t>& pictures,
                                            const std::vector<std::int64_t>& captions,
                                            step_random& random) const {
  const auto count = static_cast<std::int64_t>(pictures.size());
  std::vector<std::int64_t> timesteps;
  for (std::int64_t i = 0; i < count; ++i)
    timesteps.push_back(draw_below(random.engine, model_->schedule.steps()));
  const at::Tensor latent_noise = normal(count, random.generator);
  return {.pictures = model_->placement.sent(torch::tensor(pictures)),
          .ids = caption_ids(captions),
          .latent_noise = latent_noise,
          .noise = normal(count, random.generator),
          .timesteps = model_->placement.sent(torch::tensor(timesteps))};
}

inversion_inputs concept_inputs::draw(std::int64_t count, step_random& random) const {
  const data::concept_batch batch = pictures_->draw(count, random.engine);
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < batch.images.size(); ++i)
    indices.push_back(batch.images[i] + (batch.flips[i] ? latents_.pictures() : 0));
  return with_noise(indices, batch.captions, random);
}

inversion_inputs concept_inputs::draw_of_class(std::int64_t count, step_random& random) const {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < count; ++i)
    indices.push_back(2 * latents_.pictures() + draw_below(random.engine, class_pictures_));
  const std::vector<std::int64_t> captions(static_cast<std::size_t>(count), caption_ids_.size(0) - 1);
  return with_noise(indices, captions, random);
}

at::Tensor concept_inputs::loss(const inversion_inputs& inputs, const prediction& predict) const {
  const at::Tensor latents = latents_.sample(inputs.pictures, inputs.latent_noise);
  const at::Tensor noisy = model_->schedule.add_noise(latents, inputs.noise, inputs.timesteps);
  const at::Tensor sizes = sizes_.defined() ? sizes_.index_select(0, inputs.pictures) : sizes_;
  const at::Tensor predicted =
      predict(model_->placement.images(noisy), inputs.timesteps, {inputs.ids, sizes});
  // Around convergence the loss moves by a thousandth: it is reduced in fp32 whatever the networks compute in.
  const at::Tensor wide = predicted.to(model_->placement.master());
  const at::Tensor target = model_->schedule.target(latents, inputs.noise, inputs.timesteps);
  if (!pixel_weights_.defined() && !inputs.weights.defined()) return at::mse_loss(wide, target);
  at::Tensor squares = (wide - target).square();
  if (pixel_weights_.defined()) squares = pixel_weights_.index_select(0, inputs.pictures) * squares;
  if (inputs.weights.defined()) squares = squares * inputs.weights.view({-1, 1, 1, 1});
  return squares.mean();
}

}  // namespace dvar::training
