#include "training/textual_inversion.hpp"

#include <cmath>
#include <stdexcept>

#include "data/draw.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::training {
namespace {

at::Tensor as_parameter(const at::Tensor& initial, const models::placement& where) {
  return initial.detach()
      .to(initial.options().dtype(at::kFloat).device(where.device), false, /*copy=*/true)
      .contiguous()
      .set_requires_grad(true);
}

at::Tensor all_captions(const diffusion::prompt_encoder& prompts) {
  std::vector<std::string> captions;
  for (const std::string_view prompt : text::object_templates()) {
    captions.push_back(text::fill(prompt, prompts.token()));
  }
  return prompts.ids(captions);
}

}  // namespace

inversion_inputs inversion_inputs::part(const batch_share& share) const {
  return {.pictures = share.of(pictures),
          .ids = share.of(ids),
          .latent_noise = share.of(latent_noise),
          .noise = share.of(noise),
          .timesteps = share.of(timesteps)};
}

textual_inversion::textual_inversion(const diffusion::latent_diffusion& model,
                                     const data::concept_dataset& pictures,
                                     const diffusion::prompt_encoder& prompts,
                                     const at::Tensor& initial_vectors, const inversion_options& options,
                                     const batch_workers& workers)
    : model_{&model},
      pictures_{&pictures},
      prompts_{&prompts},
      workers_{&workers},
      options_{options},
      latents_{model.autoencoder, pictures.images(), model.where},
      template_ids_{all_captions(prompts)},
      vectors_{as_parameter(initial_vectors, model.where)},
      optimiser_{{{"vectors", vectors_}}, options.optimiser} {
  if (options.batch < 1) throw std::invalid_argument("textual_inversion: the batch must be at least 1");
}

at::Tensor textual_inversion::caption_ids(const std::vector<std::int64_t>& templates) const {
  return template_ids_.index_select(0, torch::tensor(templates).to(model_->where.device));
}

at::Tensor textual_inversion::normal(std::int64_t batch, at::Generator& generator) const {
  std::vector<std::int64_t> shape = latents_.shape().vec();
  shape.insert(shape.begin(), batch);
  return torch::empty(shape).normal_(0.0, 1.0, generator).to(model_->where.device);
}

inversion_inputs textual_inversion::draw(std::int64_t step) const {
  auto [engine, generator] = random_of_step(options_.seed, step);
  const data::concept_batch batch = pictures_->draw(options_.batch, engine);
  std::vector<std::int64_t> indices;
  std::vector<std::int64_t> timesteps;
  for (std::size_t i = 0; i < batch.images.size(); ++i) {
    indices.push_back(batch.images[i] + (batch.flips[i] ? latents_.pictures() : 0));
    timesteps.push_back(static_cast<std::int64_t>(
        data::draw_below(engine, static_cast<std::uint64_t>(model_->schedule.steps()))));
  }
  const at::Tensor latent_noise = normal(options_.batch, generator);
  return {.pictures = torch::tensor(indices).to(model_->where.device),
          .ids = caption_ids(batch.templates),
          .latent_noise = latent_noise,
          .noise = normal(options_.batch, generator),
          .timesteps = torch::tensor(timesteps).to(model_->where.device)};
}

at::Tensor textual_inversion::loss(const inversion_inputs& inputs) const {
  const at::Tensor latents = latents_.sample(inputs.pictures, inputs.latent_noise);
  const at::Tensor noisy = model_->schedule.add_noise(latents, inputs.noise, inputs.timesteps);
  const at::Tensor states = prompts_->states(inputs.ids, vectors_);
  const at::Tensor predicted = model_->unet(noisy.to(model_->where.dtype), inputs.timesteps, states);
  // Around convergence the loss moves by a thousandth: it is reduced in fp32 whatever the networks compute in.
  return at::mse_loss(predicted.to(at::kFloat),
                      model_->schedule.target(latents, inputs.noise, inputs.timesteps));
}

inversion_loss textual_inversion::evaluate(const inversion_inputs& inputs) const {
  const std::vector<batch_share> shares = workers_->shares(inputs.batch());
  std::vector<inversion_loss> parts(shares.size());
  workers_->run(shares.size(), [&](std::size_t i) {
    const at::Tensor value = loss(inputs.part(shares[i]));
    parts[i].value = value.item<double>();
    if (value.requires_grad()) parts[i].gradient = torch::autograd::grad({value}, {vectors_}).front();
  });
  inversion_loss whole;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double weight = static_cast<double>(shares[i].count) / static_cast<double>(inputs.batch());
    whole.value += weight * parts[i].value;
    if (!parts[i].gradient.defined()) continue;
    const at::Tensor weighted = parts[i].gradient * weight;
    whole.gradient = whole.gradient.defined() ? whole.gradient + weighted : weighted;
  }
  return whole;
}

step_outcome textual_inversion::take_step(std::int64_t step) {
  const inversion_loss evaluated = evaluate(draw(step));
  vectors_.mutable_grad() = evaluated.gradient;
  step_outcome outcome{.loss = evaluated.value, .gradient_norm = evaluated.gradient.norm().item<double>()};
  outcome.applied = std::isfinite(outcome.loss) && std::isfinite(outcome.gradient_norm);
  if (outcome.applied) optimiser_.step();
  return outcome;
}

std::map<std::string, at::Tensor> textual_inversion::state() const {
  std::map<std::string, at::Tensor> state{{"vectors", vectors_.detach()}};
  for (const auto& [name, tensor] : optimiser_.state())
    state["optimiser/" + name] = tensor;
  return state;
}

void textual_inversion::load_state(const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_gradient;
  const auto vectors = state.find("vectors");
  if (vectors == state.end() || vectors->second.sizes() != vectors_.sizes()) {
    throw std::invalid_argument("textual inversion's state: 'vectors' is missing or has another shape");
  }
  std::map<std::string, at::Tensor> moments;
  for (const auto& [name, tensor] : state) {
    if (name.starts_with("optimiser/")) moments[name.substr(10)] = tensor;
  }
  optimiser_.load_state(moments);
  vectors_.detach().copy_(vectors->second);
}

}  // namespace dvar::training
