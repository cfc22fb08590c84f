#include "training/inversion_inputs.hpp"

namespace dvar::training {

namespace {

at::Tensor joined(const at::Tensor& first, const at::Tensor& second) {
  return first.defined() ? at::cat({first, second}) : first;
}

}  // namespace

inversion_inputs inversion_inputs::part(const batch_share& share) const {
  const auto if_any = [&](const at::Tensor& tensor) { return tensor.defined() ? share.of(tensor) : tensor; };
  return {.pictures = share.of(pictures),
          .ids = share.of(ids),
          .latent_noise = share.of(latent_noise),
          .noise = share.of(noise),
          .timesteps = share.of(timesteps),
          .rescalings = if_any(rescalings),
          .latents = if_any(latents),
          .pixel_weights = if_any(pixel_weights),
          .weights = if_any(weights),
          .crops = if_any(crops),
          .sizes = if_any(sizes),
          .dropout_keys = if_any(dropout_keys)};
}

inversion_inputs inversion_inputs::followed_by(const inversion_inputs& others, double weight) const {
  const auto all = static_cast<double>(batch() + others.batch());
  const auto weights_of = [&](const inversion_inputs& inputs, double each) {
    const double share = each * all / static_cast<double>(inputs.batch());
    return inputs.weights.defined() ? inputs.weights * share
                                    : torch::full({inputs.batch()}, share, noise.options());
  };
  return {.pictures = at::cat({pictures, others.pictures}),
          .ids = at::cat({ids, others.ids}),
          .latent_noise = at::cat({latent_noise, others.latent_noise}),
          .noise = at::cat({noise, others.noise}),
          .timesteps = at::cat({timesteps, others.timesteps}),
          .latents = joined(latents, others.latents),
          .pixel_weights = joined(pixel_weights, others.pixel_weights),
          .weights = at::cat({weights_of(*this, 1.0), weights_of(others, weight)}),
          .sizes = joined(sizes, others.sizes),
          .dropout_keys = joined(dropout_keys, others.dropout_keys)};
}

void inversion_loss::add(const inversion_loss& other, double weight) {
  const auto add_to = [weight](at::Tensor& sum, const at::Tensor& part) {
    if (part.defined()) sum = sum.defined() ? sum + part * weight : part * weight;
  };
  add_to(value, other.value);
  add_to(gradient, other.gradient);
}

inversion_loss inversion_loss::over(std::int64_t inputs) const {
  const auto count = static_cast<double>(inputs);
  return {.value = value / count, .gradient = gradient.defined() ? gradient / count : gradient};
}

}  // namespace dvar::training
