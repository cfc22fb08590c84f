#include "diffusion/noise_schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::diffusion {
namespace {

/// Returns the betas of a squared-cosine abar, capped at 0.999 (Nichol and Dhariwal, arXiv 2102.09672,
/// equation 17).
at::Tensor squared_cosine_betas(std::int64_t steps) {
  const auto abar = [steps](std::int64_t t) {
    const double phase = (static_cast<double>(t) / static_cast<double>(steps) + 0.008) / 1.008;
    return std::pow(std::cos(phase * std::numbers::pi / 2.0), 2);
  };
  at::Tensor betas = torch::empty({steps}, at::kFloat);
  for (std::int64_t t = 0; t < steps; ++t)
    betas[t] = std::min(1.0 - abar(t + 1) / abar(t), 0.999);
  return betas;
}

at::Tensor betas_of(const noise_schedule_options& options) {
  if (!options.betas.empty()) return torch::tensor(options.betas, at::kFloat);
  if (options.beta_schedule == "linear")
    return torch::linspace(options.beta_start, options.beta_end, options.steps, at::kFloat);
  if (options.beta_schedule == "scaled_linear") {
    return torch::linspace(std::sqrt(options.beta_start), std::sqrt(options.beta_end), options.steps,
                           at::kFloat)
        .square();
  }
  return squared_cosine_betas(options.steps);
}

/// Rescales betas by algorithm 1 of Lin et al., arXiv 2305.08891, in the published samplers' order of rounding.
at::Tensor rescaled_to_zero_snr(const at::Tensor& betas) {
  at::Tensor roots = at::cumprod(1.0 - betas, /*dim=*/0).sqrt();
  const at::Tensor first = roots[0].clone(), last = roots[-1].clone();
  roots = (roots - last) * (first / (first - last));
  const at::Tensor abar = roots.square();
  return 1.0 - at::cat({abar.slice(0, 0, 1), abar.slice(0, 1) / abar.slice(0, 0, -1)});
}

/// Checks that abar stays between 0 and 1: samplers divide by abar and by 1 - abar.
void check(const at::Tensor& abar, bool ends_at_zero) {
  const std::int64_t last = abar.size(0) - 1;
  const at::Tensor inner = ends_at_zero ? abar.slice(0, 0, last) : abar;
  const at::Tensor wrong = ((inner > 0) & (inner < 1)).logical_not().nonzero();
  if (wrong.size(0) == 0 && (!ends_at_zero || (last > 0 && abar[last].item<double>() == 0.0))) return;
  const std::int64_t first = wrong.size(0) > 0 ? wrong[0][0].item<std::int64_t>() : last;
  throw input_error(fmt::format(
      "the noise schedule: expected a product of 1 - beta between 0 and 1 in single precision at every timestep{}, found {} at timestep {} of {}",
      ends_at_zero ? " before the last, and 0 there" : "", abar[first].item<double>(), first, last + 1));
}

/// Computes abar in fp32, as the schedulers that published weights were trained with; float64 from there on.
at::Tensor alphas_cumulative_of(const noise_schedule_options& options) {
  at::Tensor betas = betas_of(options);
  if (options.rescale_to_zero_snr) betas = rescaled_to_zero_snr(betas);
  at::Tensor abar = at::cumprod(1.0 - betas, /*dim=*/0);
  check(abar, options.rescale_to_zero_snr);
  return abar.to(at::kDouble);
}

/// Returns whether beta can be the variance that a step of the forward process adds.
bool is_variance(double beta) {
  return beta > 0.0 && beta < 1.0;
}

}  // namespace

std::int64_t trained_timesteps(const weights::config_reader& config) {
  constexpr std::int64_t most = 100'000;
  const auto betas =
      static_cast<std::int64_t>(config.get_or<std::vector<double>>("trained_betas", {}).size());
  const auto named = config.get_or<std::int64_t>("num_train_timesteps", 1000);
  const std::int64_t steps = betas > 0 ? betas : named;
  if (steps < 1 || steps > most) {
    config.refuse_value(betas > 0 ? "trained_betas" : "num_train_timesteps",
                        fmt::format("{}1 to {}", betas > 0 ? "so many numbers: " : "", most));
  }
  return steps;
}

noise_schedule_options noise_schedule_options::from_config(const weights::config_reader& config) {
  noise_schedule_options read;
  read.steps = trained_timesteps(config);
  read.beta_start = config.get_or("beta_start", 0.0001);
  if (!is_variance(read.beta_start)) config.refuse_value("beta_start", "a number between 0 and 1");
  read.beta_end = config.get_or("beta_end", 0.02);
  if (!is_variance(read.beta_end)) config.refuse_value("beta_end", "a number between 0 and 1");
  read.beta_schedule = config.get_or<std::string>("beta_schedule", "linear");
  if (read.beta_schedule != "linear" && read.beta_schedule != "scaled_linear" &&
      read.beta_schedule != "squaredcos_cap_v2") {
    config.refuse_value("beta_schedule", "linear, scaled_linear or squaredcos_cap_v2");
  }
  read.betas = config.get_or<std::vector<double>>("trained_betas", {});
  if (!std::ranges::all_of(read.betas, is_variance))
    config.refuse_value("trained_betas", "numbers between 0 and 1");
  const auto predicted = config.get_or<std::string>("prediction_type", "epsilon");
  if (predicted == "epsilon")
    read.predicts = prediction::epsilon;
  else if (predicted == "v_prediction")
    read.predicts = prediction::velocity;
  else if (predicted == "sample")
    read.predicts = prediction::sample;
  else
    config.refuse_value("prediction_type", "epsilon, v_prediction or sample");
  read.rescale_to_zero_snr = config.get_or("rescale_betas_zero_snr", false);
  // Without any signal the noise says nothing of the picture.
  if (read.rescale_to_zero_snr && read.predicts == prediction::epsilon)
    config.refuse_value("rescale_betas_zero_snr", "false with the prediction_type epsilon");
  return read;
}

noise_schedule::noise_schedule(const noise_schedule_options& options, const at::Device& device)
    : options_{options},
      alphas_cumulative_{alphas_cumulative_of(options)},
      alphas_of_latents_{alphas_cumulative_.to(device)} {}

std::pair<at::Tensor, at::Tensor> noise_schedule::scales(const at::Tensor& like,
                                                         const at::Tensor& timesteps) const {
  const at::Tensor abar = alphas_of_latents_.index_select(0, timesteps);
  std::vector<std::int64_t> shape(static_cast<std::size_t>(like.dim()), 1);
  shape[0] = timesteps.size(0);
  return {abar.sqrt().to(like.scalar_type()).view(shape),
          (1.0 - abar).sqrt().to(like.scalar_type()).view(shape)};
}

at::Tensor noise_schedule::signal_to_noise(const at::Tensor& timesteps) const {
  const at::Tensor abar = alphas_of_latents_.index_select(0, timesteps);
  return abar / (1.0 - abar);
}

at::Tensor noise_schedule::add_noise(const at::Tensor& latents, const at::Tensor& noise,
                                     const at::Tensor& timesteps) const {
  const auto [signal, spread] = scales(latents, timesteps);
  return signal * latents + spread * noise;
}

at::Tensor noise_schedule::target(const at::Tensor& latents, const at::Tensor& noise,
                                  const at::Tensor& timesteps) const {
  switch (options_.predicts) {
    case prediction::epsilon:
      return noise;
    case prediction::sample:
      return latents;
    case prediction::velocity: {
      const auto [signal, spread] = scales(latents, timesteps);
      return signal * noise - spread * latents;
    }
  }
  throw std::logic_error("noise_schedule: unknown prediction");
}

}  // namespace dvar::diffusion
