#include "training/inversion_inputs.hpp"

namespace dvar::training {

inversion_inputs inversion_inputs::part(const batch_share& share) const {
  return {.pictures = share.of(pictures),
          .ids = share.of(ids),
          .latent_noise = share.of(latent_noise),
          .noise = share.of(noise),
          .timesteps = share.of(timesteps)};
}

}  // namespace dvar::training
