#include "training/concept_training.hpp"

#include <cmath>
#include <stdexcept>

#include "device/phases.hpp"
#include "training/spherical_sgd.hpp"

namespace dvar::training {
namespace {

constexpr std::string_view optimizer_part = "optimizer/";
constexpr std::string_view scaler_part = "loss_scale/";
constexpr std::string_view average_part = "average/";

/// Returns an optimizer for each member of the parameters, with its own rate. `sphere` is that of the vectors, if there is one.
std::vector<std::unique_ptr<optimizer>> optimizers_of(const parameter_set& parameters,
                                                      const inversion_options& options,
                                                      const std::optional<token_sphere>& sphere) {
  std::vector<std::unique_ptr<optimizer>> optimizers;
  for (const parameter_set::member& member : parameters.members()) {
    if (member.name == vectors_name && options.token_updates.kind == token_update::directional) {
      optimizers.push_back(
          std::make_unique<spherical_sgd>(member.values, *sphere,
                                          spherical_sgd_options{.learning_rate = member.learning_rate,
                                                                .prior = options.token_updates.prior}));
      continue;
    }
    optimizer_options own = options.optimizer;
    std::visit([&](auto& any) { any.learning_rate = member.learning_rate; }, own);
    optimizers.push_back(make_optimizer({{member.name, member.values}}, own));
  }
  return optimizers;
}

/// Returns the sphere that the vectors stay on, if any.
std::optional<token_sphere> sphere_of(const diffusion::latent_diffusion& model,
                                      const inversion_options& options) {
  const bool learns_vectors = options.method == method_kind::textual_inversion || !options.freeze_token;
  return learns_vectors ? token_sphere::of(model, options.token_updates) : std::nullopt;
}

/// Returns what the vectors begin as: `initial`, on the sphere if there is one.
at::Tensor begun_with(const at::Tensor& initial, const std::optional<token_sphere>& sphere,
                      const models::placement& placement) {
  return sphere ? sphere->projected(initial.detach().to(placement.device, placement.master())) : initial;
}

/// Returns 1 where all elements are finite, 0 where not, on their device: float64, a scalar.
at::Tensor all_finite(const at::Tensor& values) {
  return at::isfinite(values).all().to(at::kDouble);
}

/// Returns a gradient of at most this norm, as `torch.nn.utils.clip_grad_norm_` makes it of one that is longer.
at::Tensor limited(const at::Tensor& gradient, double norm) {
  constexpr double epsilon = 1e-6;
  return gradient * (norm / (gradient.norm() + epsilon)).clamp_max(1.0);
}

/// Returns those tensors whose names begin so, without that.
std::map<std::string, at::Tensor> part_of(const std::map<std::string, at::Tensor>& state,
                                          std::string_view prefix) {
  std::map<std::string, at::Tensor> part;
  for (const auto& [name, tensor] : state)
    if (name.starts_with(prefix)) part[name.substr(prefix.size())] = tensor;
  return part;
}

void add_part(std::map<std::string, at::Tensor>& state, std::string_view prefix,
              const std::map<std::string, at::Tensor>& part) {
  for (const auto& [name, tensor] : part)
    state[std::string{prefix} + name] = tensor;
}

std::map<std::string, at::Tensor> copies_of(std::map<std::string, at::Tensor> tensors) {
  for (auto& [name, tensor] : tensors)
    tensor = tensor.clone();
  return tensors;
}

}  // namespace

concept_training::concept_training(const diffusion::latent_diffusion& model,
                                   const data::concept_dataset& pictures,
                                   const diffusion::prompt_encoder& prompts,
                                   const at::Tensor& initial_vectors, const inversion_options& options,
                                   const batch_workers& workers, const rank_group& group)
    : workers_{&workers},
      group_{&group},
      options_{options},
      inputs_{model, pictures, prompts, options},
      sphere_{sphere_of(model, options)},
      method_{make_method(model, prompts, begun_with(initial_vectors, sphere_, model.placement), options)},
      optimizers_{optimizers_of(method_->parameters(), options, sphere_)} {
  if (options.batch < 1 || options.accumulation < 1)
    throw std::invalid_argument("concept_training: batch and accumulation must be at least 1");
  if (options.micro_batch && *options.micro_batch < 1)
    throw std::invalid_argument("concept_training: a micro-batch must have at least 1 input");
  if (options.held_out != nullptr) {
    inversion_options of_thing_alone = options;
    of_thing_alone.prior.reset();
    held_out_.emplace(model, *options.held_out, prompts, of_thing_alone);
  }
  if (options.average) average_.emplace(parameters().values(), *options.average);
  if (model.placement.dtype == at::kHalf) scaler_.emplace(options.loss_scaling);
}

inversion_inputs concept_training::draw(std::int64_t step, std::int64_t part) const {
  step_random random = random_of_step(options_.seed, (step - 1) * options_.accumulation + part + 1);
  const std::int64_t of_all_ranks = options_.batch * group_->size();
  const batch_share mine{.first = group_->rank() * options_.batch, .count = options_.batch};
  inversion_inputs drawn = inputs_.of_method(inputs_.draw(of_all_ranks, random).part(mine), *workers_);
  inversion_inputs of_class;
  if (options_.prior) of_class = inputs_.draw_of_class(of_all_ranks, random).part(mine);
  // Behind all other draws, which so are the same with any dropout.
  if (options_.drops()) {
    drawn.dropout_keys = mine.of(inputs_.draw_dropout_keys(of_all_ranks, random));
    if (options_.prior) of_class.dropout_keys = mine.of(inputs_.draw_dropout_keys(of_all_ranks, random));
  }
  return options_.prior ? drawn.followed_by(of_class, options_.prior->weight) : drawn;
}

at::Tensor concept_training::loss(const inversion_inputs& inputs, const concept_inputs& of) const {
  return of.loss(inputs, [this](const at::Tensor& noisy, const at::Tensor& timesteps,
                                const diffusion::prompt_inputs& prompts) {
    return method_->predict(noisy, timesteps, prompts);
  });
}

std::vector<batch_share> concept_training::shares(std::int64_t batch) const {
  return options_.micro_batch ? shares_of_size(batch, *options_.micro_batch) : workers_->shares(batch);
}

inversion_loss concept_training::evaluate(const inversion_inputs& inputs, const concept_inputs& of) const {
  return evaluate_sum(inputs, of).over(inputs.batch());
}

inversion_loss concept_training::evaluate_sum(const inversion_inputs& inputs,
                                              const concept_inputs& of) const {
  const double scale = scaler_ ? scaler_->scale() : 1.0;
  if (!model().placement.execution.graphs) return sum_of_shares(inputs, of, scale);
  const auto evaluate_same = [this, &of, scale](const inversion_inputs& same) {
    return sum_of_shares(same, of, scale);
  };
  return (&of == &inputs_ ? recorded_ : recorded_held_out_).evaluate(inputs, scale, evaluate_same);
}

inversion_loss concept_training::sum_of_shares(const inversion_inputs& inputs, const concept_inputs& of,
                                               double scale) const {
  const std::vector<batch_share> divided = shares(inputs.batch());
  std::vector<inversion_loss> parts(divided.size());
  workers_->run(divided.size(), [&](std::size_t i) {
    const at::Tensor value = loss(inputs.part(divided[i]), of);
    parts[i].value = value.detach().to(at::kDouble);
    if (!value.requires_grad()) return;
    const device::phase backward{"backward"};
    const at::Tensor gradient = parameters().gradient_of(scale == 1.0 ? value : value * scale);
    parts[i].gradient = gradient.to(at::kDouble) / scale;
  });
  inversion_loss sum;
  for (std::size_t i = 0; i < divided.size(); ++i)
    sum.add(parts[i], static_cast<double>(divided[i].count));
  return sum;
}

void concept_training::apply(const at::Tensor& unlimited) {
  const at::Tensor gradient =
      options_.max_gradient_norm ? limited(unlimited, *options_.max_gradient_norm) : unlimited;
  const std::vector<parameter_set::member>& members = parameters().members();
  for (std::size_t i = 0; i < members.size(); ++i) {
    at::Tensor values = members[i].values;
    values.mutable_grad() = parameter_set::part_of(gradient, members[i]).to(values.scalar_type());
    optimizers_[i]->step();
    if (sphere_ && members[i].name == vectors_name) values.copy_(sphere_->projected(values));
  }
}

inversion_loss concept_training::sum_over_ranks(const inversion_loss& mine) const {
  if (group_->size() == 1) return mine;
  // Value and gradient go in one message.
  const at::Tensor sum = group_->all_reduce_sum(at::cat({mine.value.reshape(1), mine.gradient}));
  return {sum[0], sum.slice(/*dim=*/0, /*start=*/1)};
}

concept_training::step_inputs concept_training::draw_all(std::int64_t step) const {
  step_inputs drawn{.step = step, .batches = {}};
  for (std::int64_t part = 0; part < options_.accumulation; ++part)
    drawn.batches.push_back(draw(step, part));
  return drawn;
}

const std::vector<inversion_inputs>& concept_training::inputs_of(std::int64_t step) const {
  if (drawn_.step != step) drawn_ = draw_all(step);
  return drawn_.batches;
}

inversion_loss concept_training::evaluate_step(std::int64_t step) const {
  inversion_loss sum;
  for (const inversion_inputs& batch : inputs_of(step))
    sum.add(evaluate_sum(batch, inputs_), 1.0);
  return sum_over_ranks(sum).over(options_.inputs() * options_.accumulation * group_->size());
}

void concept_training::set_learning_rates(std::int64_t step) {
  const std::vector<parameter_set::member>& members = parameters().members();
  for (std::size_t i = 0; i < members.size(); ++i)
    optimizers_[i]->set_learning_rate(
        learning_rate_at(step - 1, members[i].learning_rate, options_.schedule));
}

at::Tensor concept_training::numbers_of(const inversion_loss& evaluated, const at::Tensor& gradient) const {
  std::vector<at::Tensor> numbers{evaluated.value, evaluated.gradient.norm(), all_finite(gradient),
                                  all_finite(parameters().values()),
                                  vectors().detach().norm(2, /*dim=*/1).max().to(at::kDouble)};
  for (const parameter_set::member& member : parameters().members())
    if (member.name != vectors_name) numbers.push_back(member.values.norm().to(at::kDouble));
  return at::stack(numbers);
}

step_outcome concept_training::take_step(std::int64_t step) {
  const device::phase part{"step"};
  const inversion_loss evaluated = evaluate_step(step);
  at::Tensor gradient = evaluated.gradient;
  if (options_.sharpness) {
    gradient = sharpness_aware_gradient(
        parameters().values(), gradient, [&] { return evaluate_step(step).gradient; }, *options_.sharpness);
  }
  // The update is made before anybody knows whether it may be: it is taken back if not, and the device need not wait.
  const std::map<std::string, at::Tensor> before = copies_of(updated_state());
  set_learning_rates(step);
  {
    const device::phase update{"optimizer"};
    apply(gradient);
  }
  // The first rank's update is everyone's: processors of different kinds may round it differently.
  group_->broadcast(parameters().values());
  const at::Tensor numbers = numbers_of(evaluated, gradient);
  // A device computes the step meanwhile; the CPU would only put it off.
  if (!model().placement.device.is_cpu()) drawn_ = draw_all(step + 1);
  const at::Tensor read = numbers.to(at::kCPU);
  const double* values = read.const_data_ptr<double>();
  step_outcome outcome{.loss = values[0], .gradient_norm = values[1], .longest_vector = values[4]};
  const bool finite = std::isfinite(outcome.loss) && std::isfinite(outcome.gradient_norm) && values[2] != 0.0;
  outcome.applied = finite && values[3] != 0.0;
  outcome.overflowed = finite && !outcome.applied;
  values += 5;
  if (options_.vectors_norm) outcome.norms.emplace_back(vectors_name, outcome.longest_vector);
  for (const parameter_set::member& member : parameters().members())
    if (member.name != vectors_name) outcome.norms.emplace_back(member.name, *values++);
  if (!outcome.applied) load_updated_state(before);
  // A loss that is not finite was so before it was scaled: no other scale can help.
  if (scaler_ && std::isfinite(outcome.loss)) outcome.skipped = scaler_->update(finite) && !finite;
  return outcome;
}

std::vector<std::string> concept_training::named_norms() const {
  std::vector<std::string> names;
  if (options_.vectors_norm) names.emplace_back(vectors_name);
  for (const parameter_set::member& member : parameters().members())
    if (member.name != vectors_name) names.push_back(member.name);
  return names;
}

at::Tensor concept_training::vectors_of(const at::Tensor& values) const {
  const parameter_set::member* const learned = parameters().find(vectors_name);
  return learned == nullptr ? vectors().detach() : parameter_set::part_of(values, *learned);
}

void concept_training::average() {
  if (average_) average_->update(parameters().values());
}

at::Tensor concept_training::given_values() const {
  if (!average_) return parameters().values();
  if (!sphere_) return average_->values();
  // An average of points on a sphere lies within it.
  const parameter_set::member& vectors = *parameters().find(vectors_name);
  at::Tensor values = average_->values().clone();
  at::Tensor part = parameter_set::part_of(values, vectors);
  part.copy_(sphere_->projected(part));
  return values;
}

std::map<std::string, at::Tensor> concept_training::updated_state() const {
  std::map<std::string, at::Tensor> state = parameters().state();
  for (const std::unique_ptr<optimizer>& each : optimizers_)
    add_part(state, optimizer_part, each->state());
  if (scaler_) add_part(state, scaler_part, scaler_->state());
  return state;
}

std::map<std::string, at::Tensor> concept_training::state() const {
  std::map<std::string, at::Tensor> state = updated_state();
  if (average_) add_part(state, average_part, average_->state());
  return state;
}

void concept_training::load_updated_state(const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_gradient;
  const std::map<std::string, at::Tensor> of_optimizers = part_of(state, optimizer_part);
  for (const std::unique_ptr<optimizer>& each : optimizers_)
    each->load_state(of_optimizers);
  if (scaler_) scaler_->load_state(part_of(state, scaler_part));
  method_->parameters().load_state(state);
}

void concept_training::load_state(const std::map<std::string, at::Tensor>& state) {
  load_updated_state(state);
  if (average_) average_->load_state(part_of(state, average_part));
}

}  // namespace dvar::training
