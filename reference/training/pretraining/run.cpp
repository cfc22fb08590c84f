#include "training/pretraining/run.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <stdexcept>

#include "error.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::training {
namespace {

std::map<std::string, at::Tensor> trainable(std::map<std::string, at::Tensor> parameters) {
  for (auto& [name, parameter] : parameters)
    parameter.set_requires_grad(true);
  return parameters;
}

}  // namespace

run_options run_options::from_config(const weights::config_reader& config) {
  run_options options;
  const auto ends = config.get<std::vector<std::int64_t>>("rounds");
  const auto peaks = config.get<std::vector<double>>("peak_rates");
  const bool ascending = std::adjacent_find(ends.begin(), ends.end(), std::greater_equal{}) == ends.end();
  if (ends.empty() || ends.front() < 1 || !ascending)
    config.refuse_value("rounds", "the steps at which the rounds end, ascending");
  if (peaks.size() != ends.size()) config.refuse_value("peak_rates", "one for every round");
  const auto batches = config.get<std::vector<std::int64_t>>("batches");
  if (batches.size() != ends.size() || std::ranges::any_of(batches, [](auto each) { return each < 1; }))
    config.refuse_value("batches", "one for every round, each at least 1");
  for (std::size_t i = 0; i < ends.size(); ++i)
    options.rounds.push_back({.until = ends[i], .peak_rate = peaks[i], .batch = batches[i]});
  options.warm_up = config.get_or("warm_up", options.warm_up);
  options.weight_decay = config.get_or("weight_decay", options.weight_decay);
  options.beta_second = config.get_or("beta_second", options.beta_second);
  options.average_decay = config.get_or("average_decay", options.average_decay);
  if (options.average_decay < 0.0 || options.average_decay >= 1.0)
    config.refuse_value("average_decay", "0 or more, below 1");
  options.seed = static_cast<std::uint64_t>(config.get_or<std::int64_t>("seed", 1));
  return options;
}

pretraining_run::pretraining_run(std::map<std::string, at::Tensor> parameters, const run_options& options,
                                 std::filesystem::path checkpoint)
    : options_{options},
      checkpoint_{std::move(checkpoint)},
      optimizer_{trainable(std::move(parameters)),
                 {.beta_second = options.beta_second, .weight_decay = options.weight_decay}} {
  if (options.average_decay > 0.0)
    for (const auto& [name, parameter] : optimizer_.parameters())
      average_[name] = parameter.detach().clone();
  if (std::filesystem::exists(checkpoint_)) load_checkpoint();
}

void pretraining_run::skip_to_last_round() {
  const at::NoGradGuard no_gradient;
  step_ = options_.rounds.size() > 1 ? std::prev(options_.rounds.end(), 2)->until : 0;
  for (auto& [name, average] : average_)
    average.copy_(optimizer_.parameters().at(name));
}

models::parameter_source& pretraining_run::working_copies(at::ScalarType type) {
  return copies_.emplace(optimizer_.parameters(), type);
}

std::vector<training_round>::const_iterator pretraining_run::round() const {
  return std::ranges::find_if(options_.rounds,
                              [this](const training_round& each) { return step_ < each.until; });
}

double pretraining_run::rate() const {
  const auto now = round();
  const double warmth = std::min(1.0, static_cast<double>(optimizer_.updates() + 1) /
                                          static_cast<double>(std::max<std::int64_t>(1, options_.warm_up)));
  const std::int64_t begin = now == options_.rounds.begin() ? options_.warm_up : std::prev(now)->until;
  const double progress = static_cast<double>(std::max<std::int64_t>(0, step_ - begin)) /
                          static_cast<double>(std::max<std::int64_t>(1, now->until - begin));
  return now->peak_rate * warmth * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

void pretraining_run::update(const at::Tensor& loss) {
  optimizer_.clear_gradients();
  loss.backward();
  step_down(batch_workers{});
}

double pretraining_run::update(const batch_workers& workers,
                               const std::function<at::Tensor(const batch_share&)>& loss_of) {
  optimizer_.clear_gradients();
  const std::vector<batch_share> shares = workers.shares(batch());
  std::vector<double> losses(shares.size());
  workers.run(shares.size(), [&](std::size_t i) {
    const double weight = static_cast<double>(shares[i].count) / static_cast<double>(batch());
    const at::Tensor loss = weight * loss_of(shares[i]);
    loss.backward();
    losses[i] = loss.item<double>();
  });
  step_down(workers);
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

void pretraining_run::step_down(const batch_workers& workers) {
  if (copies_) copies_->hand_over_gradients(workers);
  clip_gradient_norm(optimizer_.parameters(), /*largest=*/1.0, workers);
  optimizer_.set_learning_rate(rate());
  optimizer_.step(workers);
  if (copies_) copies_->follow(workers);
  ++step_;
  {
    const at::NoGradGuard no_gradient;
    // A young average forgets faster, so that it is not held back by the random start.
    const double decay = std::min(options_.average_decay,
                                  (1.0 + static_cast<double>(step_)) / (10.0 + static_cast<double>(step_)));
    workers.run_over(average_, [&](const std::string& name, const at::Tensor& average) {
      average.lerp_(optimizer_.parameters().at(name), 1.0 - decay);
    });
  }
  if (finished() || std::chrono::steady_clock::now() - last_checkpoint_ >= options_.checkpoint_every)
    save_checkpoint();
}

void pretraining_run::save_checkpoint() {
  std::map<std::string, at::Tensor> tensors{{"step", torch::tensor(step_)}};
  for (const auto& [name, parameter] : optimizer_.parameters())
    tensors["parameter/" + name] = parameter.detach();
  for (const auto& [name, average] : average_)
    tensors["average/" + name] = average;
  for (const auto& [name, moment] : optimizer_.state())
    tensors["optimizer/" + name] = moment;
  weights::write_safetensors(checkpoint_, tensors);
  last_checkpoint_ = std::chrono::steady_clock::now();
}

void pretraining_run::load_checkpoint() {
  const at::NoGradGuard no_gradient;
  const weights::tensor_file file{checkpoint_};
  const auto copy_into = [&](const at::Tensor& target, const std::string& name) {
    const at::Tensor stored = file.tensor(name);
    if (stored.sizes() != target.sizes())
      throw input_error(checkpoint_.string() + ": '" + name + "' has another shape than the recipe asks for");
    target.copy_(stored);
  };
  step_ = file.tensor("step").item<std::int64_t>();
  for (const auto& [name, parameter] : optimizer_.parameters())
    copy_into(parameter, "parameter/" + name);
  for (auto& [name, average] : average_)
    copy_into(average, "average/" + name);
  std::map<std::string, at::Tensor> state;
  for (const std::string& name : file.names())
    if (name.starts_with("optimizer/")) state[name.substr(10)] = file.tensor(name);
  optimizer_.load_state(state);
}

std::map<std::string, at::Tensor> pretraining_run::result() const {
  if (!average_.empty()) return average_;
  std::map<std::string, at::Tensor> parameters;
  for (const auto& [name, parameter] : optimizer_.parameters())
    parameters[name] = parameter.detach();
  return parameters;
}

void pretraining_run::exchange_average() {
  const at::NoGradGuard no_gradient;
  for (auto& [name, average] : average_) {
    const at::Tensor parameter = optimizer_.parameters().at(name).detach();
    const at::Tensor kept = parameter.clone();
    parameter.copy_(average);
    average.copy_(kept);
  }
}

void pretraining_run::adopt_result() {
  const at::NoGradGuard no_gradient;
  for (auto& [name, parameter] : optimizer_.parameters()) {
    if (const auto average = average_.find(name); average != average_.end())
      parameter.detach().copy_(average->second);
    at::Tensor{parameter}.set_requires_grad(false);
  }
}

}  // namespace dvar::training
