#pragma once

#include <functional>

#include "diffusion/sampler.hpp"
#include "models/unet_2d_condition.hpp"

namespace dvar::diffusion {

/// Predicts with classifier-free guidance (Ho and Salimans, arXiv 2207.12598): unconditional + scale
/// (conditional - unconditional). latents [batch, …]; timestep [1], which may have a fraction; context and empty_context of as many pictures.
/// Both predictions come from one batch of twice the size; with scale 1 the unconditional one is not computed.
///
/// latents and the result are in `placement.master()`: the network alone computes in its own precision, on
/// latents that are cast for it. Else every step would round the sample, and rounding errors would add up
/// along the trajectory.
at::Tensor guided_prediction(const models::unet_2d_condition& unet, const models::placement& placement,
                             const at::Tensor& latents, const at::Tensor& timestep,
                             const models::conditioning& context, const models::conditioning& empty_context,
                             double scale);

/// Denoises `latents` [batch, …] (standard normal) by the whole trajectory of the sampler, which is reset first; returns
/// scaled latents. With `placement.execution.graphs` the network is recorded once and repeated. `draw_noise` gives the noise of a step where the sampler draws any. Latents, noise and result are in
/// `where.master()`, as in `guided_prediction`.
at::Tensor sample_latents(const models::unet_2d_condition& unet, const models::placement& placement,
                          sampler& sampler, at::Tensor latents, const models::conditioning& context,
                          const models::conditioning& empty_context, double scale,
                          const std::function<at::Tensor()>& draw_noise = {});

}  // namespace dvar::diffusion
