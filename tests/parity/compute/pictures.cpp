// Pictures of a whole model.
#include <fstream>

#include "diffusion/guidance.hpp"
#include "diffusion/prompt_encoder.hpp"
#include "diffusion/sampling_method.hpp"
#include "request.hpp"
#include "training/random.hpp"

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

/// Gives the `noise` that `dvar sample` draws with `seed`: [draws, pictures, shape…]. The first is the initial one.
tensors noise_of_pictures(const request& r) {
  const at::Tensor shape = r.tensor("shape");
  const std::vector<std::int64_t> sizes(shape.data_ptr<std::int64_t>(),
                                        shape.data_ptr<std::int64_t>() + shape.numel());
  std::vector<at::Tensor> pictures;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(r.number("pictures")); ++i) {
    at::Generator generator =
        training::random_of_step(static_cast<std::uint64_t>(r.number("seed")), i).generator;
    std::vector<at::Tensor> drawn;
    for (std::int64_t draw = 0; draw < static_cast<std::int64_t>(r.number("draws")); ++draw)
      drawn.push_back(torch::empty(sizes).normal_(0.0, 1.0, generator));
    pictures.push_back(at::stack(drawn));
  }
  return {{"noise", at::stack(pictures, /*dim=*/1)}};
}
const entry noise_of_pictures_entry{"noise_of_pictures", noise_of_pictures};

}  // namespace
}  // namespace dvar::parity
