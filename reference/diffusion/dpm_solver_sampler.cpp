#include "diffusion/dpm_solver_sampler.hpp"

#include <cmath>

#include "diffusion/noise_levels.hpp"

namespace dvar::diffusion {
namespace {

/// Returns spaced timesteps without the one at the very end, which `final_sigmas_type` stands for.
std::vector<std::int64_t> spaced_before_end(const dpm_solver_options& options, std::int64_t trained) {
  std::vector<std::int64_t> timesteps;
  switch (options.spacing) {
    case timestep_spacing::trailing:
      check_steps(options.steps, 1, trained);
      return spaced_timesteps(options.spacing, options.steps, trained, 0);
    case timestep_spacing::leading:
      check_steps(options.steps, 1, trained - 1);
      timesteps = spaced_timesteps(options.spacing, options.steps + 1, trained, options.steps_offset);
      break;
    case timestep_spacing::linspace:
      check_steps(options.steps, 1, trained);
      timesteps = spaced_timesteps(options.spacing, options.steps + 1, trained, 0);
      break;
  }
  timesteps.pop_back();
  check_timesteps(timesteps, trained, options.steps_offset);
  return timesteps;
}

}  // namespace

dpm_solver_options dpm_solver_options::from_config(const weights::config_reader& config) {
  dpm_solver_options read;
  if (config.get_or<std::string>("algorithm_type", "dpmsolver++") != "dpmsolver++")
    config.refuse_value("algorithm_type", "dpmsolver++");
  read.order = config.get_or<std::int64_t>("solver_order", 2);
  if (read.order != 1 && read.order != 2) config.refuse_value("solver_order", "1 or 2");
  const auto kind = config.get_or<std::string>("solver_type", "midpoint");
  if (kind != "midpoint" && kind != "heun") config.refuse_value("solver_type", "midpoint or heun");
  read.kind = kind == "heun" ? solver::heun : solver::midpoint;
  read.lower_order_final = config.get_or("lower_order_final", true);
  read.euler_at_final = config.get_or("euler_at_final", false);
  const auto end = config.get_or<std::string>("final_sigmas_type", "zero");
  if (end != "zero" && end != "sigma_min") config.refuse_value("final_sigmas_type", "zero or sigma_min");
  read.ends_at_zero = end == "zero";
  read.steps_offset = steps_offset_from_config(config);
  read.spacing = timestep_spacing_from_config(config, timestep_spacing::linspace);
  read.karras_sigmas = config.get_or("use_karras_sigmas", false);
  // The published sampler rounds the timesteps of Karras' levels for all schedules but this one.
  if (read.karras_sigmas && config.get_or<std::string>("beta_schedule", "linear") == "squaredcos_cap_v2")
    config.refuse_value("use_karras_sigmas", "false with the beta_schedule squaredcos_cap_v2");
  for (const char* key : {"thresholding", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas",
                          "use_flow_sigmas", "use_dynamic_shifting"}) {
    if (config.get_or(key, false)) config.refuse_value(key, "false");
  }
  if (config.contains("variance_type")) config.refuse_value("variance_type", "null");
  // The logarithm of any schedule's least signal-to-noise ratio is above this: nothing is clipped.
  if (config.get_or("lambda_min_clipped", -1e300) > -50.0)
    config.refuse_value("lambda_min_clipped", "-Infinity: no clipping");
  return read;
}

dpm_solver_sampler::visited dpm_solver_sampler::path_of(const noise_schedule& schedule,
                                                        const dpm_solver_options& options) {
  const std::vector<float> all = sigmas_of(schedule);
  visited chosen;
  if (options.karras_sigmas) {
    check_steps(options.steps, 1, schedule.steps());
    chosen.sigmas = karras_sigmas(all.back(), all.front(), options.steps);
    for (const double sigma : chosen.sigmas)
      chosen.timesteps.push_back(std::llrint(timestep_at(sigma, all)));
  } else {
    chosen.timesteps = spaced_before_end(options, schedule.steps());
    for (const std::int64_t timestep : chosen.timesteps)
      chosen.sigmas.push_back(all.at(static_cast<std::size_t>(timestep)));
  }
  chosen.sigmas.push_back(options.ends_at_zero ? 0.0F : all.front());
  return chosen;
}

dpm_solver_sampler::dpm_solver_sampler(const noise_schedule& schedule, const dpm_solver_options& options)
    : dpm_solver_sampler{schedule, options, path_of(schedule, options)} {}

dpm_solver_sampler::dpm_solver_sampler(const noise_schedule& schedule, const dpm_solver_options& options,
                                       visited path)
    : sampler{schedule, path.timesteps}, options_{options}, path_{std::move(path)} {}

bool dpm_solver_sampler::is_first_order(std::size_t index) const {
  const bool is_last = index + 1 == timesteps().size();
  const bool few_steps = timesteps().size() < 15;
  return options_.order == 1 || index == 0 ||
         (is_last &&
          (options_.ends_at_zero || options_.euler_at_final || (options_.lower_order_final && few_steps)));
}

// Algorithm 2 of the paper; D_0 and D_1 are its finite differences of x_0.
at::Tensor dpm_solver_sampler::advance(std::size_t index, const at::Tensor& predicted,
                                       const at::Tensor& sample, const at::Tensor&) {
  const noise_level now{path_.sigmas[index]};
  const noise_level next{path_.sigmas[index + 1]};
  const at::Tensor clean = clean_of(predicts(), predicted, sample, now.signal, now.spread);
  const at::Tensor clean_before = std::exchange(previous_clean_, clean);

  const double step = next.lambda() - now.lambda();
  const double decay = std::expm1(-step);  // e^-h - 1; -1 where the step leads to sigma = 0
  const at::Tensor first_order = next.spread / now.spread * sample - next.signal * decay * clean;
  if (is_first_order(index)) return first_order;

  const double ratio = (now.lambda() - noise_level{path_.sigmas[index - 1]}.lambda()) / step;
  const at::Tensor difference = (clean - clean_before) / ratio;
  const double weight = options_.kind == dpm_solver_options::solver::midpoint
                            ? -0.5 * next.signal * decay
                            : next.signal * (decay / step + 1.0);
  return first_order + weight * difference;
}

}  // namespace dvar::diffusion
