#include "weights/known_surplus.hpp"

#include <algorithm>
#include <array>

namespace dvar::weights {

bool is_known_surplus(std::string_view name) {
  constexpr std::array<std::string_view, 6> beginnings{
      "model_ema.", "first_stage_model.loss.", "cond_stage_model.logit_scale",
      // The last layer, which Stable Diffusion 2 leaves out.
      "cond_stage_model.model.transformer.resblocks.", "cond_stage_model.model.logit_scale",
      "cond_stage_model.model.text_projection"};
  constexpr std::array<std::string_view, 24> buffers{"betas",
                                                     "v_pred",  // marks, which the scheduler is made of
                                                     "ztsnr",
                                                     "alphas_cumprod",
                                                     "alphas_cumprod_prev",
                                                     "sqrt_alphas_cumprod",
                                                     "sqrt_one_minus_alphas_cumprod",
                                                     "log_one_minus_alphas_cumprod",
                                                     "sqrt_recip_alphas_cumprod",
                                                     "sqrt_recipm1_alphas_cumprod",
                                                     "posterior_variance",
                                                     "posterior_log_variance_clipped",
                                                     "posterior_mean_coef1",
                                                     "posterior_mean_coef2",
                                                     "ddim_sigmas",
                                                     "ddim_alphas",
                                                     "lvlb_weights",
                                                     "logvar",
                                                     "scale_factor",
                                                     "cond_stage_model.model.attn_mask",
                                                     "conditioner.embedders.0.logit_scale",
                                                     "conditioner.embedders.1.model.attn_mask",
                                                     "conditioner.embedders.1.model.logit_scale",
                                                     "denoiser.sigmas"};
  return name.ends_with("position_ids") || name.starts_with("to_logits.") ||
         std::ranges::find(buffers, name) != buffers.end() ||
         std::ranges::any_of(beginnings, [&](std::string_view part) { return name.starts_with(part); });
}

}  // namespace dvar::weights
