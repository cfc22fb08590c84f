#include "diffusion/euler_sampler.hpp"

#include <cmath>

#include "diffusion/noise_levels.hpp"
#include "error.hpp"

namespace dvar::diffusion {
namespace {

/// Returns timesteps in fp32, as published, where they are not whole.
std::vector<double> timesteps_of(const euler_options& options, std::int64_t trained) {
  check_steps(options.steps, 1, trained);
  if (options.spacing != timestep_spacing::linspace) {
    const auto whole = spaced_timesteps(options.spacing, options.steps, trained, options.steps_offset);
    check_timesteps(whole, trained, options.steps_offset);
    return {whole.begin(), whole.end()};
  }
  const auto last = static_cast<double>(trained - 1);
  const double stride = options.steps > 1 ? last / static_cast<double>(options.steps - 1) : 0.0;
  std::vector<double> timesteps;
  for (std::int64_t i = options.steps - 1; i > 0; --i)
    timesteps.push_back(i == options.steps - 1 ? last : static_cast<float>(static_cast<double>(i) * stride));
  timesteps.push_back(0.0);
  return timesteps;
}

}  // namespace

euler_options euler_options::from_config(const weights::config_reader& config, bool ancestral) {
  euler_options read;
  read.ancestral = ancestral;
  read.steps_offset = steps_offset_from_config(config);
  read.spacing = timestep_spacing_from_config(config, timestep_spacing::linspace);
  if (ancestral) return read;
  read.karras_sigmas = config.get_or("use_karras_sigmas", false);
  const auto end = config.get_or<std::string>("final_sigmas_type", "zero");
  if (end != "zero" && end != "sigma_min") config.refuse_value("final_sigmas_type", "zero or sigma_min");
  read.ends_at_zero = end == "zero";
  if (config.get_or<std::string>("interpolation_type", "linear") != "linear")
    config.refuse_value("interpolation_type", "linear");
  if (config.get_or<std::string>("timestep_type", "discrete") != "discrete")
    config.refuse_value("timestep_type", "discrete");
  for (const char* key : {"use_exponential_sigmas", "use_beta_sigmas"})
    if (config.get_or(key, false)) config.refuse_value(key, "false");
  // They are the ends of Karras' levels; the published sampler takes no notice of them elsewhere.
  for (const char* key : {"sigma_min", "sigma_max"})
    if (config.contains(key)) config.refuse_value(key, "null");
  return read;
}

euler_sampler::visited euler_sampler::path_of(const noise_schedule& schedule, const euler_options& options) {
  const std::vector<float> all = sigmas_of(schedule);
  visited chosen{.timesteps = timesteps_of(options, schedule.steps()), .sigmas = {}};
  for (const double timestep : chosen.timesteps)
    chosen.sigmas.push_back(sigma_at(timestep, all));
  if (options.karras_sigmas) {
    // From the greatest level of the spaced timesteps to their least: not the schedule's, as DPM-Solver++ has them.
    chosen.sigmas = karras_sigmas(chosen.sigmas.front(), chosen.sigmas.back(), options.steps);
    for (std::size_t i = 0; i < chosen.sigmas.size(); ++i)
      chosen.timesteps[i] = static_cast<float>(timestep_at(chosen.sigmas[i], all));
  }
  chosen.sigmas.push_back(options.ends_at_zero ? 0.0F : all.front());
  for (double& sigma : chosen.sigmas)
    sigma = static_cast<float>(sigma);
  return chosen;
}

euler_sampler::euler_sampler(const noise_schedule& schedule, const euler_options& options)
    : euler_sampler{schedule, options, path_of(schedule, options)} {
  if (options.ancestral && schedule.predicts() == prediction::sample) {
    throw input_error(
        "the sampler euler-a: expected a network whose prediction_type is epsilon or v_prediction, found sample");
  }
}

euler_sampler::euler_sampler(const noise_schedule& schedule, const euler_options& options, visited path)
    : sampler{schedule, path.timesteps}, options_{options}, path_{std::move(path)} {}

at::Tensor euler_sampler::initial_sample(const at::Tensor& noise) const {
  const double sigma = path_.sigmas.front();
  // The published samplers count the picture's own variance, 1, with leading spacing alone.
  return noise * (options_.spacing == timestep_spacing::leading ? std::sqrt(sigma * sigma + 1.0) : sigma);
}

at::Tensor euler_sampler::scaled(std::size_t index, const at::Tensor& sample) const {
  return sample * noise_level{path_.sigmas[index]}.signal;
}

at::Tensor euler_sampler::advance(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample,
                                  const at::Tensor& noise) {
  const double from = path_.sigmas[index];
  const double to = path_.sigmas[index + 1];
  const noise_level now{from};
  // The slope of the sample over sigma is the noise in it.
  const at::Tensor slope = noise_of(predicts(), predicted, scaled(index, sample), now.signal, now.spread);
  if (!options_.ancestral) return sample + (to - from) * slope;
  // Song et al., arXiv 2010.02502, equation 16 at eta = 1, of a variance that grows.
  const double added = to * std::sqrt(from * from - to * to) / from;
  const double down = to * to / from;
  return sample + (down - from) * slope + added * noise;
}

}  // namespace dvar::diffusion
