#include "training/concept_latents.hpp"

#include "device/phases.hpp"

namespace dvar::training {

concept_latents::concept_latents(const models::autoencoder_kl& autoencoder, const at::Tensor& pictures,
                                 const models::placement& placement, const at::Tensor& others)
    : pictures_{pictures.size(0)} {
  const device::phase part{"encoding"};
  const at::NoGradGuard no_gradient;
  std::vector<at::Tensor> means;
  std::vector<at::Tensor> deviations;
  const double scale = autoencoder.options().scaling_factor;
  // One picture at a time: at 512 pixels the encoder is the most memory-hungry part of the whole run.
  std::vector<at::Tensor> all{pictures, pictures.flip({3})};
  if (others.defined()) all.push_back(others);
  for (const at::Tensor& picture : at::cat(all).split(1)) {
    const models::latent_distribution latent = autoencoder.encode(placement.images(picture));
    means.push_back(latent.mean.to(placement.master()).contiguous() * scale);
    deviations.push_back(latent.standard_deviation.to(placement.master()).contiguous() * scale);
  }
  mean_ = at::cat(means);
  deviation_ = at::cat(deviations);
}

at::Tensor concept_latents::sample(const at::Tensor& indices, const at::Tensor& noise) const {
  return mean_.index_select(0, indices) + deviation_.index_select(0, indices) * noise;
}

}  // namespace dvar::training
