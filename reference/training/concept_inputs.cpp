#include "training/concept_inputs.hpp"

#include <algorithm>
#include <stdexcept>

#include <dvar/probe/draws.hpp>

#include "data/transform.hpp"
#include "training/min_snr.hpp"
#include "training/rescaling.hpp"

namespace dvar::training {
namespace {

/// Returns the pictures' captions, or the templates where they have none.
std::vector<std::string> captions_of(const data::concept_dataset& pictures,
                                     const inversion_options& options) {
  if (!pictures.captions().empty()) return pictures.captions();
  std::vector<std::string> captions;
  for (const std::string_view prompt : text::templates_of(options.kind))
    captions.emplace_back(prompt);
  return captions;
}

/// Returns the ids of the captions; where pictures are rescaled, of these with each of `size_words` in front; and of the prompts of
/// the classes.
at::Tensor all_captions(const diffusion::prompt_encoder& prompts, const std::vector<std::string>& plain,
                        const inversion_options& options) {
  std::vector<std::string> captions;
  for (const std::string& caption : plain)
    captions.push_back(text::fill(caption, prompts.token()));
  if (options.rescales())
    for (const std::string_view words : size_words)
      for (const std::string& caption : plain)
        captions.push_back(text::fill(with_size_words(words, caption), prompts.token()));
  if (options.prior)
    for (const kept_class& each : options.prior->classes)
      captions.push_back(each.prompt);
  return prompts.ids(captions);
}

/// Returns the number of each class picture's caption, of `captions` in all, the last of which are those of the classes.
std::vector<std::int64_t> class_captions_of(const inversion_options& options, std::int64_t captions) {
  std::vector<std::int64_t> numbers;
  if (!options.prior) return numbers;
  std::int64_t caption = captions - std::ssize(options.prior->classes);
  for (const kept_class& each : options.prior->classes)
    numbers.insert(numbers.end(), static_cast<std::size_t>(each.pictures.size(0)), caption++);
  return numbers;
}

/// Returns what each pixel of a latent counts in the mean over all of them, of masks [n, 1, S, S]: the mean of each is 1.
at::Tensor shares_of(const at::Tensor& masks, at::IntArrayRef latent) {
  const at::Tensor shares = at::adaptive_avg_pool2d(masks.to(at::kDouble), {latent[1], latent[2]});
  return shares / shares.mean({1, 2, 3}, /*keepdim=*/true);
}

/// Returns that for the pictures, their mirror images, and class pictures.
at::Tensor pixel_weights_of(const at::Tensor& masks, at::IntArrayRef latent, std::int64_t class_pictures,
                            const models::placement& placement) {
  // Without a mask, or with one that is white all over, nothing is weighed, so that no sum is rounded otherwise.
  if (!masks.defined() || (masks == 1).all().item<bool>()) return {};
  const at::Tensor weights = shares_of(at::cat({masks, masks.flip({3})}), latent).to(placement.master());
  const at::Tensor all = torch::ones({class_pictures, 1, latent[1], latent[2]}, weights.options());
  return at::cat({weights, all}).to(placement.device);
}

at::Tensor row_of(const data::picture_sizes& sizes) {
  return torch::tensor(
      {sizes.height, sizes.width, sizes.top, sizes.left, sizes.kept.height, sizes.kept.width});
}

/// Returns the sizes of the pictures, their mirror images and class pictures, of which nothing is known but what they became.
at::Tensor sizes_of(const diffusion::latent_diffusion& model, const data::concept_dataset& pictures,
                    std::int64_t class_pictures) {
  if (!model.second_tokenizer) return {};
  std::vector<at::Tensor> rows;
  for (const data::picture_sizes& each : pictures.sizes())
    rows.push_back(row_of(each));
  const at::Tensor own = model.placement.sent(at::stack(rows));
  return at::cat({own, own, model.own_sizes().expand({class_pictures, -1})});
}

/// Returns where each picture and each mirror image, as `inversion_inputs::pictures` counts them, stands among the latents of its
/// bucket; undefined where there is one bucket, in whose order they are counted.
at::Tensor rows_of(const data::concept_dataset& pictures, const models::placement& placement) {
  if (pictures.buckets().size() == 1) return {};
  std::vector<std::int64_t> rows(static_cast<std::size_t>(2 * pictures.size()));
  for (const data::bucket& each : pictures.buckets()) {
    const auto count = std::ssize(each.pictures);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t picture = each.pictures[static_cast<std::size_t>(i)];
      rows[static_cast<std::size_t>(picture)] = i;
      rows[static_cast<std::size_t>(picture + pictures.size())] = i + count;
    }
  }
  return placement.sent(torch::tensor(rows));
}

}  // namespace

std::vector<concept_inputs::kept_bucket> concept_inputs::kept_of(const diffusion::latent_diffusion& model,
                                                                 const data::concept_dataset& pictures,
                                                                 const inversion_options& options) {
  if (!pictures.options().buckets.empty() && (options.prior || options.rescales()))
    throw std::invalid_argument{"concept_inputs: expected no class pictures and no rescaling beside buckets"};
  const at::Tensor of_class = options.prior ? options.prior->pictures() : at::Tensor{};
  std::vector<kept_bucket> kept;
  for (const data::bucket& each : pictures.buckets()) {
    concept_latents latents{model.autoencoder, each.images, model.autoencoder_placement, of_class};
    at::Tensor weights = pixel_weights_of(each.masks, latents.shape(),
                                          of_class.defined() ? of_class.size(0) : 0, model.placement);
    kept.push_back({.latents = std::move(latents), .pixel_weights = std::move(weights)});
  }
  return kept;
}

concept_inputs::concept_inputs(const diffusion::latent_diffusion& model,
                               const data::concept_dataset& pictures,
                               const diffusion::prompt_encoder& prompts, const inversion_options& options)
    : model_{&model},
      pictures_{&pictures},
      rescales_{options.rescales()},
      captions_{static_cast<std::int64_t>(captions_of(pictures, options).size())},
      caption_ids_{all_captions(prompts, captions_of(pictures, options), options)},
      class_captions_{class_captions_of(options, caption_ids_.size(0))},
      kept_{kept_of(model, pictures, options)},
      rows_{rows_of(pictures, model.placement)},
      sizes_{sizes_of(model, pictures, std::ssize(class_captions_))},
      weight_{options.method == method_kind::custom_diffusion
                  ? static_cast<double>(kept_.front().latents.shape()[0])
                  : 1.0},
      min_snr_{options.min_snr},
      noise_offset_{options.noise_offset} {
  model.rest_autoencoder();
}

at::Tensor concept_inputs::caption_ids(const std::vector<std::int64_t>& captions) const {
  return caption_ids_.index_select(0, model_->placement.sent(torch::tensor(captions)));
}

const concept_inputs::kept_bucket& concept_inputs::kept_for(const inversion_inputs& inputs) const {
  const at::IntArrayRef shape = inputs.noise.sizes().slice(1);
  const auto found =
      std::ranges::find_if(kept_, [&](const kept_bucket& each) { return each.latents.shape() == shape; });
  if (found == kept_.end()) throw std::invalid_argument{"concept_inputs: noise of no bucket's shape"};
  return *found;
}

at::Tensor concept_inputs::rows(const at::Tensor& pictures) const {
  return rows_.defined() ? rows_.index_select(0, pictures) : pictures;
}

at::Tensor concept_inputs::normal(std::int64_t batch, at::Generator& generator, std::int64_t picture) const {
  std::vector<std::int64_t> shape = kept_[pictures_->bucket_of(picture)].latents.shape().vec();
  shape.insert(shape.begin(), batch);
  return model_->placement.sent(
      torch::empty(shape).normal_(0.0, 1.0, generator).to(model_->placement.master()));
}

at::Tensor concept_inputs::normal_of_any(std::int64_t batch, at::Generator& generator) const {
  if (kept_.size() == 1) return normal(batch, generator);
  std::int64_t most = 0;
  for (const kept_bucket& each : kept_)
    most = std::max(most, c10::multiply_integers(each.latents.shape()));
  return model_->placement.sent(
      torch::empty({batch, most}).normal_(0.0, 1.0, generator).to(model_->placement.master()));
}

std::vector<inversion_inputs> concept_inputs::of_one_shape(const inversion_inputs& inputs,
                                                           std::span<const std::int64_t> pictures) const {
  if (kept_.size() == 1) return {inputs};
  std::vector<inversion_inputs> parts;
  for (std::size_t number = 0; number < kept_.size(); ++number) {
    std::vector<std::int64_t> places;
    for (std::size_t i = 0; i < pictures.size(); ++i)
      if (pictures_->bucket_of(pictures[i]) == number) places.push_back(static_cast<std::int64_t>(i));
    if (places.empty()) continue;
    const at::Tensor chosen = model_->placement.sent(torch::tensor(places));
    const auto of = [&](const at::Tensor& all) { return all.defined() ? all.index_select(0, chosen) : all; };
    std::vector<std::int64_t> shape = kept_[number].latents.shape().vec();
    const std::int64_t numbers = c10::multiply_integers(shape);
    shape.insert(shape.begin(), std::ssize(places));
    const auto shaped = [&](const at::Tensor& all) { return of(all).narrow(1, 0, numbers).reshape(shape); };
    parts.push_back({.pictures = of(inputs.pictures),
                     .ids = of(inputs.ids),
                     .latent_noise = shaped(inputs.latent_noise),
                     .noise = shaped(inputs.noise),
                     .timesteps = of(inputs.timesteps),
                     .weights = of(inputs.weights)});
  }
  return parts;
}

inversion_inputs concept_inputs::with_noise(const std::vector<std::int64_t>& pictures,
                                            const std::vector<std::int64_t>& captions,
                                            step_random& random) const {
  const auto count = static_cast<std::int64_t>(pictures.size());
  std::vector<std::int64_t> timesteps;
  for (std::int64_t i = 0; i < count; ++i)
    timesteps.push_back(draw_below(random.engine, model_->schedule.steps()));
  // All of one bucket; mirror images and class pictures are counted behind the pictures.
  const std::int64_t first = pictures.front() % pictures_->size();
  const at::Tensor latent_noise = normal(count, random.generator, first);
  at::Tensor noise = normal(count, random.generator, first);
  if (noise_offset_ != 0.0) {
    const at::Tensor offset = torch::empty({count, noise.size(1), 1, 1}).normal_(0.0, 1.0, random.generator);
    noise = noise + model_->placement.sent((noise_offset_ * offset).to(noise.scalar_type()));
  }
  return {.pictures = model_->placement.sent(torch::tensor(pictures)),
          .ids = caption_ids(captions),
          .latent_noise = latent_noise,
          .noise = noise,
          .timesteps = model_->placement.sent(torch::tensor(timesteps))};
}

inversion_inputs concept_inputs::draw(std::int64_t count, step_random& random) const {
  data::concept_batch batch = pictures_->draw(count, random.engine);
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < batch.images.size(); ++i)
    indices.push_back(batch.images[i] + (batch.flips[i] ? pictures_->size() : 0));
  if (const data::random_crops* const crops = pictures_->crops()) {
    std::vector<std::int64_t> drawn;
    for (std::size_t i = 0; i < indices.size(); ++i)
      drawn.insert(drawn.end(), {indices[i], batch.begins.at(i)});
    inversion_inputs inputs = with_noise(indices, batch.captions, random);
    inputs.crops = torch::tensor(drawn).view({count, 2});
    return inputs;
  }
  if (!rescales_) return with_noise(indices, batch.captions, random);
  const std::int64_t size = model_->resolution();
  std::vector<std::int64_t> drawn;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const rescaling how = draw_rescaling(size, model_->autoencoder.factor(), random.engine);
    drawn.insert(drawn.end(), {indices[i], how.edge, how.top, how.left});
    batch.captions[i] += captions_ * (1 + draw_size_words(how, size, random.engine));
  }
  inversion_inputs inputs = with_noise(indices, batch.captions, random);
  inputs.rescalings = torch::tensor(drawn).view({count, 4});
  return inputs;
}

void concept_inputs::cut(inversion_inputs& inputs, const batch_workers& workers) const {
  const data::random_crops& crops = *pictures_->crops();
  const auto count = static_cast<std::size_t>(inputs.batch());
  const bool has_masks = !crops.masks().empty();
  std::vector<at::Tensor> latents(count), masks(count), sizes(count);
  workers.run(count, [&](std::size_t each) {
    const auto i = static_cast<std::int64_t>(each);
    const std::int64_t* const numbers = inputs.crops[i].const_data_ptr<std::int64_t>();
    const std::int64_t picture = numbers[0] % pictures_->size();
    const bool is_mirrored = numbers[0] >= pictures_->size();
    const auto turned = [&](const at::Tensor& square) { return is_mirrored ? square.flip({2}) : square; };
    const at::Tensor levels = turned(crops.picture(picture, numbers[1])).to(at::kFloat);
    latents[each] = kept_.front().latents.sample_of(levels.div(127.5).sub(1), inputs.latent_noise[i]);
    if (has_masks) masks[each] = turned(crops.mask(picture, numbers[1]));
    sizes[each] = row_of(pictures_->sizes_of_crop(picture, numbers[1], is_mirrored));
  });
  inputs.latents = at::stack(latents);
  if (has_masks) {
    const at::Tensor shares = shares_of(at::stack(masks), kept_.front().latents.shape());
    inputs.pixel_weights = model_->placement.sent(shares.to(model_->placement.master()));
  }
  if (sizes_.defined()) inputs.sizes = model_->placement.sent(at::stack(sizes));
  inputs.crops.reset();
}

inversion_inputs concept_inputs::of_method(inversion_inputs inputs, const batch_workers& workers) const {
  if (inputs.crops.defined()) cut(inputs, workers);
  if (inputs.rescalings.defined()) {
    const auto count = static_cast<std::size_t>(inputs.batch());
    std::vector<at::Tensor> latents(count);
    std::vector<at::Tensor> masks(count);
    workers.run(count, [&](std::size_t each) {
      const auto i = static_cast<std::int64_t>(each);
      const std::int64_t* const numbers = inputs.rescalings[i].const_data_ptr<std::int64_t>();
      const rescaling how{.edge = numbers[1], .top = numbers[2], .left = numbers[3]};
      const at::Tensor shown = rescaled(levels_of(numbers[0]), how);
      latents[each] = kept_.front().latents.sample_of(shown, inputs.latent_noise[i]);
      const at::Tensor mask = mask_of(how, shown.size(1), model_->autoencoder.factor());
      masks[each] = mask.to(model_->placement.master()) / mask.to(model_->placement.master()).mean();
    });
    inputs.latents = at::stack(latents);
    inputs.pixel_weights = model_->placement.sent(at::stack(masks));
    inputs.rescalings.reset();
  }
  if (weight_ != 1.0) inputs.weights = torch::full({inputs.batch()}, weight_, inputs.noise.options());
  const at::Tensor of_timesteps = weights_at(inputs.timesteps);
  if (of_timesteps.defined())
    inputs.weights = inputs.weights.defined() ? inputs.weights * of_timesteps : of_timesteps;
  return inputs;
}

at::Tensor concept_inputs::weights_at(const at::Tensor& timesteps) const {
  return min_snr_ ? min_snr_weights(model_->schedule, timesteps, *min_snr_).to(model_->placement.master())
                  : at::Tensor{};
}

at::Tensor concept_inputs::levels_of(std::int64_t picture) const {
  const std::int64_t count = pictures_->size();
  const at::Tensor plain = data::to_bytes(pictures_->images()[picture % count]);
  return picture < count ? plain : plain.flip({2});
}

inversion_inputs concept_inputs::draw_of_class(std::int64_t count, step_random& random) const {
  std::vector<std::int64_t> indices;
  std::vector<std::int64_t> captions;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t drawn = draw_below(random.engine, std::ssize(class_captions_));
    indices.push_back(2 * pictures_->size() + drawn);
    captions.push_back(class_captions_[static_cast<std::size_t>(drawn)]);
  }
  inversion_inputs inputs = with_noise(indices, captions, random);
  return rescales_ || pictures_->crops() != nullptr ? with_latents(std::move(inputs)) : inputs;
}

at::Tensor concept_inputs::draw_dropout_keys(std::int64_t count, step_random& random) const {
  std::vector<std::int64_t> keys;
  for (std::int64_t i = 0; i < count; ++i)
    keys.push_back(static_cast<std::int64_t>(random.engine()));
  return model_->placement.sent(torch::tensor(keys));
}

inversion_inputs concept_inputs::with_latents(inversion_inputs inputs) const {
  inputs.latents = kept_for(inputs).latents.sample(rows(inputs.pictures), inputs.latent_noise);
  inputs.pixel_weights =
      torch::ones({inputs.batch(), 1, inputs.noise.size(2), inputs.noise.size(3)}, inputs.noise.options());
  if (sizes_.defined()) inputs.sizes = sizes_.index_select(0, inputs.pictures);
  return inputs;
}

at::Tensor concept_inputs::loss(const inversion_inputs& inputs, const prediction& predict) const {
  const kept_bucket& kept = kept_for(inputs);
  const at::Tensor latents = inputs.latents.defined()
                                 ? inputs.latents
                                 : kept.latents.sample(rows(inputs.pictures), inputs.latent_noise);
  const at::Tensor noisy = model_->schedule.add_noise(latents, inputs.noise, inputs.timesteps);
  at::Tensor sizes = inputs.sizes;
  if (!sizes.defined() && sizes_.defined()) sizes = sizes_.index_select(0, inputs.pictures);
  const at::Tensor predicted =
      predict(model_->placement.images(noisy), inputs.timesteps, {inputs.ids, sizes, inputs.dropout_keys});
  // Around convergence the loss moves by a thousandth: it is reduced in fp32 whatever the networks compute in.
  const at::Tensor wide = predicted.to(model_->placement.master());
  const at::Tensor target = model_->schedule.target(latents, inputs.noise, inputs.timesteps);
  // Latents that are drawn already have their masks with them.
  const bool weighs_by_kept = kept.pixel_weights.defined() && !inputs.latents.defined();
  const bool weighs_pixels = weighs_by_kept || inputs.pixel_weights.defined();
  if (!weighs_pixels && !inputs.weights.defined()) return at::mse_loss(wide, target);
  at::Tensor squares = (wide - target).square();
  if (inputs.pixel_weights.defined()) squares = inputs.pixel_weights * squares;
  if (weighs_by_kept) squares = kept.pixel_weights.index_select(0, rows(inputs.pictures)) * squares;
  if (inputs.weights.defined()) squares = squares * inputs.weights.view({-1, 1, 1, 1});
  return squares.mean();
}

}  // namespace dvar::training
