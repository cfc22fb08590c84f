// Pictures of a whole model.
#include <fstream>

#include "diffusion/guidance.hpp"
#include "diffusion/prompt_encoder.hpp"
#include "diffusion/sampling_method.hpp"
#include "request.hpp"

namespace dvar::parity {
namespace {

/// Turns `latents` into `images`, by `steps` steps of DDIM guided with `scale`, for the prompts that are the
/// lines of `prompts.txt`.
tensors text_to_image(const request& r) {
  const at::NoGradGuard no_gradient;
  const auto model = diffusion::latent_diffusion::open(r.model(), r.placement());
  const diffusion::prompt_encoder prompts{model};
  std::vector<std::string> lines;
  std::ifstream file{r.model() / "prompts.txt"};
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  const models::conditioning context = prompts.states(prompts.ids(lines));
  const models::conditioning empty = prompts.no_prompt().expanded(context.states.size(0));
  const auto sampler = diffusion::make_sampler(diffusion::sampling_method::ddim, model.schedule,
                                               model.scheduler, static_cast<std::int64_t>(r.number("steps")));
  const at::Tensor latents = diffusion::sample_latents(
      model.unet, r.placement(), *sampler, r.tensor("latents"), context, empty, r.number("scale"));
  return {{"images", model.autoencoder.decode(latents / model.autoencoder.options().scaling_factor)}};
}
const entry text_to_image_entry{"text_to_image", text_to_image};

}  // namespace
}  // namespace dvar::parity
