#include "training/concept_latents.hpp"

#include "device/phases.hpp"

namespace dvar::training {

concept_latents::concept_latents(const models::autoencoder_kl& autoencoder, const at::Tensor& pictures,
                                 const models::placement& placement, const at::Tensor& others)
    : autoencoder_{&autoencoder}, placement_{placement}, pictures_{pictures.size(0)} {
  const device::phase part{"encoding"};
  const at::NoGradGuard no_gradient;
  std::vector<at::Tensor> means;
  std::vector<at::Tensor> deviations;
  // One picture at a time: at 512 pixels the encoder is the most memory-hungry part of the whole run.
  std::vector<at::Tensor> all{pictures, pictures.flip({3})};
  if (others.defined()) all.push_back(others);
  for (const at::Tensor& picture : at::cat(all).split(1)) {
    const models::latent_distribution latent = scaled(picture);
    means.push_back(latent.mean);
    deviations.push_back(latent.standard_deviation);
  }
  mean_ = at::cat(means);
  deviation_ = at::cat(deviations);
}

models::latent_distribution concept_latents::scaled(const at::Tensor& picture) const {
  const double scale = autoencoder_->options().scaling_factor;
  const models::latent_distribution latent = autoencoder_->encode(placement_.images(picture));
  return {.mean = latent.mean.to(placement_.master()).contiguous() * scale,
          .standard_deviation = latent.standard_deviation.to(placement_.master()).contiguous() * scale};
}

at::Tensor concept_latents::sample_of(const at::Tensor& picture, const at::Tensor& noise) const {
  const at::NoGradGuard no_gradient;
  return scaled(picture.unsqueeze(0)).sample(noise.unsqueeze(0)).squeeze(0);
}

at::Tensor concept_latents::sample(const at::Tensor& indices, const at::Tensor& noise) const {
  return mean_.index_select(0, indices) + deviation_.index_select(0, indices) * noise;
}

}  // namespace dvar::training
