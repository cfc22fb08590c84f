// Networks and the gradient of a training loss in bf16 (with a number `bfloat16` among the inputs) or fp16.
#include "request.hpp"

namespace dvar::parity {
namespace {

models::placement half(const request& r) {
  return {.dtype = r.has("bfloat16") ? at::kBFloat16 : at::kHalf};
}

tensors unet_in_half(const request& r) {
  const models::placement placement = half(r);
  const models::unet_2d_condition network = models::open_unet(files_of(r.model()), placement);
  return {{"prediction", network(placement.images(r.tensor("sample")), r.tensor("timesteps"),
                                 r.tensor("context").to(placement.dtype))}};
}
const entry unet_entry{"unet_in_half", unet_in_half};

tensors clip_text_in_half(const request& r) {
  const models::clip_text network = models::open_clip_text(files_of(r.model()), half(r));
  return {{"states", network.encode(network.embed(r.tensor("ids")))}};
}
const entry clip_text_entry{"clip_text_in_half", clip_text_in_half};

tensors autoencoder_in_half(const request& r) {
  const models::placement placement = half(r);
  const models::autoencoder_kl network = models::open_autoencoder(files_of(r.model()), placement);
  return {{"moments", network.moments(placement.images(r.tensor("images")))},
          {"images", network.decode(placement.images(r.tensor("latents")))}};
}
const entry autoencoder_entry{"autoencoder_in_half", autoencoder_in_half};

/// Computes the gradient as a training step does: vectors, noising and loss in fp32, and in fp16 the loss
/// times `scale`.
tensors gradient_in_half(const request& r) {
  const models::placement placement = half(r);
  const models::clip_text text = models::open_clip_text(files_of(r.model() / "text_encoder"), placement);
  const models::unet_2d_condition network = models::open_unet(files_of(r.model() / "unet"), placement);
  const auto schedule = open_schedule(r.model() / "scheduler");
  const at::Tensor vectors = r.tensor("vectors").set_requires_grad(true);
  const at::Tensor latents = r.tensor("latents"), noise = r.tensor("noise"),
                   timesteps = r.tensor("timesteps");
  const at::Tensor context = text.encode(text.embed(r.tensor("ids"), vectors));
  const at::Tensor predicted =
      network(placement.images(schedule.add_noise(latents, noise, timesteps)), timesteps, context);
  const at::Tensor loss = at::mse_loss(predicted.to(at::kFloat), schedule.target(latents, noise, timesteps));
  const double scale = r.number("scale");
  return {{"loss", loss}, {"gradient", torch::autograd::grad({loss * scale}, {vectors}).front() / scale}};
}
const entry gradient_entry{"gradient_in_half", gradient_in_half};

}  // namespace
}  // namespace dvar::parity
