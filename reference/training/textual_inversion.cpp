#include "training/textual_inversion.hpp"

#include <cmath>
#include <stdexcept>

#include <dvar/probe/draws.hpp>

namespace dvar::training {
namespace {

constexpr std::string_view optimizer_part = "optimizer/";
constexpr std::string_view scaler_part = "loss_scale/";

at::Tensor as_parameter(const at::Tensor& initial, const models::placement& placement) {
  return initial.detach()
      .to(initial.options().dtype(placement.master()).device(placement.device), false, /*copy=*/true)
      .contiguous()
      .set_requires_grad(true);
}

/// Returns the ids of the pictures' captions, or of the templates where they have none.
at::Tensor all_captions(const diffusion::prompt_encoder& prompts, const data::concept_dataset& pictures,
                        text::concept_kind kind) {
  std::vector<std::string> captions;
  for (const std::string& caption : pictures.captions())
    captions.push_back(text::fill(caption, prompts.token()));
  if (captions.empty())
    for (const std::string_view prompt : text::templates_of(kind))
      captions.push_back(text::fill(prompt, prompts.token()));
  return prompts.ids(captions);
}

/// Returns what each pixel of a latent counts in the mean over all of them, for the pictures and their
/// mirror images.
at::Tensor pixel_weights_of(const at::Tensor& masks, at::IntArrayRef latent,
                            const models::placement& placement) {
  // Without a mask, or with one that is white all over, nothing is weighed, so that no sum is rounded otherwise.
  if (!masks.defined() || (masks == 1).all().item<bool>()) return {};
  const at::Tensor both = at::cat({masks, masks.flip({3})}).to(at::kDouble);
  const at::Tensor shares = at::adaptive_avg_pool2d(both, {latent[1], latent[2]});
  return (shares / shares.mean({1, 2, 3}, /*keepdim=*/true)).to(placement.device, placement.master());
}

/// Returns 1 where all elements are finite, 0 where not, on their device: float64, a scalar.
at::Tensor all_finite(const at::Tensor& values) {
  return at::isfinite(values).all().to(at::kDouble);
}

std::map<std::string, at::Tensor> copies_of(std::map<std::string, at::Tensor> tensors) {
  for (auto& [name, tensor] : tensors)
    tensor = tensor.clone();
  return tensors;
}

}  // namespace

textual_inversion::textual_inversion(const diffusion::latent_diffusion& model,
                                     const data::concept_dataset& pictures,
                                     const diffusion::prompt_encoder& prompts,
                                     const at::Tensor& initial_vectors, const inversion_options& options,
                                     const batch_workers& workers, const rank_group& group)
    : model_{&model},
      pictures_{&pictures},
      prompts_{&prompts},
      workers_{&workers},
      group_{&group},
      options_{options},
      latents_{model.autoencoder, pictures.images(), model.placement},
      caption_ids_{all_captions(prompts, pictures, options.kind)},
      pixel_weights_{pixel_weights_of(pictures.masks(), latents_.shape(), model.placement)},
      vectors_{as_parameter(initial_vectors, model.placement)},
      optimizer_{make_optimizer({{"vectors", vectors_}}, options.optimizer)} {
  if (options.batch < 1 || options.accumulation < 1)
    throw std::invalid_argument("textual_inversion: batch and accumulation must be at least 1");
  if (options.micro_batch && *options.micro_batch < 1)
    throw std::invalid_argument("textual_inversion: a micro-batch must have at least 1 input");
  if (model.placement.dtype == at::kHalf) scaler_.emplace(options.loss_scaling);
}

at::Tensor textual_inversion::caption_ids(const std::vector<std::int64_t>& captions) const {
  return caption_ids_.index_select(0, model_->placement.sent(torch::tensor(captions)));
}

at::Tensor textual_inversion::normal(std::int64_t batch, at::Generator& generator) const {
  std::vector<std::int64_t> shape = latents_.shape().vec();
  shape.insert(shape.begin(), batch);
  return model_->placement.sent(
      torch::empty(shape).normal_(0.0, 1.0, generator).to(model_->placement.master()));
}

inversion_inputs textual_inversion::draw(std::int64_t step, std::int64_t part) const {
  auto [engine, generator] = random_of_step(options_.seed, (step - 1) * options_.accumulation + part + 1);
  const std::int64_t of_all_ranks = options_.batch * group_->size();
  const data::concept_batch batch = pictures_->draw(of_all_ranks, engine);
  std::vector<std::int64_t> indices;
  std::vector<std::int64_t> timesteps;
  for (std::size_t i = 0; i < batch.images.size(); ++i) {
    indices.push_back(batch.images[i] + (batch.flips[i] ? latents_.pictures() : 0));
    timesteps.push_back(draw_below(engine, model_->schedule.steps()));
  }
  const at::Tensor latent_noise = normal(of_all_ranks, generator);
  const inversion_inputs all{.pictures = model_->placement.sent(torch::tensor(indices)),
                             .ids = caption_ids(batch.captions),
                             .latent_noise = latent_noise,
                             .noise = normal(of_all_ranks, generator),
                             .timesteps = model_->placement.sent(torch::tensor(timesteps))};
  return all.part({.first = group_->rank() * options_.batch, .count = options_.batch});
}

at::Tensor textual_inversion::loss(const inversion_inputs& inputs) const {
  const at::Tensor latents = latents_.sample(inputs.pictures, inputs.latent_noise);
  const at::Tensor noisy = model_->schedule.add_noise(latents, inputs.noise, inputs.timesteps);
  const at::Tensor states = prompts_->states(inputs.ids, vectors_);
  const at::Tensor predicted = model_->unet(model_->placement.images(noisy), inputs.timesteps, states);
  // Around convergence the loss moves by a thousandth: it is reduced in fp32 whatever the networks compute in.
  const at::Tensor wide = predicted.to(model_->placement.master());
  const at::Tensor target = model_->schedule.target(latents, inputs.noise, inputs.timesteps);
  if (!pixel_weights_.defined()) return at::mse_loss(wide, target);
  return (pixel_weights_.index_select(0, inputs.pictures) * (wide - target).square()).mean();
}

std::vector<batch_share> textual_inversion::shares(std::int64_t batch) const {
  return options_.micro_batch ? shares_of_size(batch, *options_.micro_batch) : workers_->shares(batch);
}

inversion_loss textual_inversion::evaluate(const inversion_inputs& inputs) const {
  return evaluate_sum(inputs).over(inputs.batch());
}

inversion_loss textual_inversion::evaluate_sum(const inversion_inputs& inputs) const {
  const double scale = scaler_ ? scaler_->scale() : 1.0;
  if (!model_->placement.execution.graphs) return sum_of_shares(inputs, scale);
  return recorded_.evaluate(
      inputs, scale, [this, scale](const inversion_inputs& same) { return sum_of_shares(same, scale); });
}

inversion_loss textual_inversion::sum_of_shares(const inversion_inputs& inputs, double scale) const {
  const std::vector<batch_share> divided = shares(inputs.batch());
  std::vector<inversion_loss> parts(divided.size());
  workers_->run(divided.size(), [&](std::size_t i) {
    const at::Tensor value = loss(inputs.part(divided[i]));
    parts[i].value = value.detach().to(at::kDouble);
    if (!value.requires_grad()) return;
    const at::Tensor gradient =
        torch::autograd::grad({scale == 1.0 ? value : value * scale}, {vectors_}).front();
    parts[i].gradient = gradient.to(at::kDouble) / scale;
  });
  inversion_loss sum;
  for (std::size_t i = 0; i < divided.size(); ++i)
    sum.add(parts[i], static_cast<double>(divided[i].count));
  return sum;
}

void textual_inversion::apply(const at::Tensor& gradient) {
  vectors_.mutable_grad() = gradient.to(vectors_.scalar_type());
  optimizer_->step();
}

inversion_loss textual_inversion::sum_over_ranks(const inversion_loss& mine) const {
  if (group_->size() == 1) return mine;
  // Value and gradient go in one message.
  const at::Tensor sum = group_->all_reduce_sum(at::cat({mine.value.reshape(1), mine.gradient.flatten()}));
  return {sum[0], sum.slice(/*dim=*/0, /*start=*/1).reshape(mine.gradient.sizes())};
}

textual_inversion::step_inputs textual_inversion::draw_all(std::int64_t step) const {
  step_inputs drawn{.step = step, .batches = {}};
  for (std::int64_t part = 0; part < options_.accumulation; ++part)
    drawn.batches.push_back(draw(step, part));
  return drawn;
}

const std::vector<inversion_inputs>& textual_inversion::inputs_of(std::int64_t step) const {
  if (drawn_.step != step) drawn_ = draw_all(step);
  return drawn_.batches;
}

inversion_loss textual_inversion::evaluate_step(std::int64_t step) const {
  inversion_loss sum;
  for (const inversion_inputs& batch : inputs_of(step))
    sum.add(evaluate_sum(batch), 1.0);
  return sum_over_ranks(sum).over(options_.batch * options_.accumulation * group_->size());
}

step_outcome textual_inversion::take_step(std::int64_t step) {
  const inversion_loss evaluated = evaluate_step(step);
  at::Tensor gradient = evaluated.gradient;
  if (options_.sharpness) {
    gradient = sharpness_aware_gradient(
        vectors_, gradient, [&] { return evaluate_step(step).gradient; }, *options_.sharpness);
  }
  // The update is made before anybody knows whether it may be: it is taken back if not, and the device need not wait.
  const std::map<std::string, at::Tensor> before = copies_of(state());
  optimizer_->set_learning_rate(
      learning_rate_at(step - 1, learning_rate_of(options_.optimizer), options_.schedule));
  apply(gradient);
  // The first rank's update is everyone's: processors of different kinds may round it differently.
  group_->broadcast(vectors_);
  const at::Tensor updated = vectors_.detach();
  const at::Tensor numbers =
      at::stack({evaluated.value, evaluated.gradient.norm(), all_finite(gradient), all_finite(updated),
                 updated.norm(2, /*dim=*/1).max().to(at::kDouble)});
  // A device computes the step meanwhile; the CPU would only put it off.
  if (!model_->placement.device.is_cpu()) drawn_ = draw_all(step + 1);
  const at::Tensor read = numbers.to(at::kCPU);
  const double* const values = read.const_data_ptr<double>();
  step_outcome outcome{.loss = values[0], .gradient_norm = values[1], .longest_vector = values[4]};
  const bool finite = std::isfinite(outcome.loss) && std::isfinite(outcome.gradient_norm) && values[2] != 0.0;
  outcome.applied = finite && values[3] != 0.0;
  outcome.overflowed = finite && !outcome.applied;
  if (!outcome.applied) load_state(before);
  // A loss that is not finite was so before it was scaled: no other scale can help.
  if (scaler_ && std::isfinite(outcome.loss)) outcome.skipped = scaler_->update(finite) && !finite;
  return outcome;
}

std::map<std::string, at::Tensor> textual_inversion::state() const {
  std::map<std::string, at::Tensor> state{{"vectors", vectors_.detach()}};
  const auto keep = [&](std::string_view part, const std::map<std::string, at::Tensor>& tensors) {
    for (const auto& [name, tensor] : tensors)
      state[std::string{part} + name] = tensor;
  };
  keep(optimizer_part, optimizer_->state());
  if (scaler_) keep(scaler_part, scaler_->state());
  return state;
}

void textual_inversion::load_state(const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_gradient;
  const auto vectors = state.find("vectors");
  if (vectors == state.end() || vectors->second.sizes() != vectors_.sizes())
    throw std::invalid_argument("textual inversion's state: 'vectors' is missing or has another shape");
  const auto part = [&](std::string_view prefix) {
    std::map<std::string, at::Tensor> tensors;
    for (const auto& [name, tensor] : state)
      if (name.starts_with(prefix)) tensors[name.substr(prefix.size())] = tensor;
    return tensors;
  };
  optimizer_->load_state(part(optimizer_part));
  if (scaler_) scaler_->load_state(part(scaler_part));
  vectors_.detach().copy_(vectors->second);
}

}  // namespace dvar::training
