#include "diffusion/ddim_sampler.hpp"

#include <cmath>

namespace dvar::diffusion {
namespace {

std::vector<std::int64_t> timesteps_of(const ddim_options& options, std::int64_t trained) {
  check_steps(options.steps, 1, trained);
  auto timesteps = spaced_timesteps(options.spacing, options.steps, trained, options.steps_offset);
  check_timesteps(timesteps, trained, options.steps_offset);
  return timesteps;
}

}  // namespace

ddim_options ddim_options::from_config(const weights::config_reader& config) {
  ddim_options read;
  read.set_alpha_to_one = config.get_or("set_alpha_to_one", true);
  read.steps_offset = steps_offset_from_config(config);
  read.spacing = timestep_spacing_from_config(config, timestep_spacing::leading);
  read.clip_sample = config.get_or("clip_sample", true);
  read.clip_sample_range = config.get_or("clip_sample_range", 1.0);
  if (config.get_or("thresholding", false)) config.refuse_value("thresholding", "false");
  return read;
}

ddim_sampler::ddim_sampler(const noise_schedule& schedule, const ddim_options& options)
    : sampler{schedule, timesteps_of(options, schedule.steps())}, options_{options} {}

double ddim_sampler::alpha_before(std::int64_t timestep) const {
  const std::int64_t before = timestep - trained_steps() / options_.steps;
  if (before >= 0) return alpha(before);
  return options_.set_alpha_to_one ? 1.0 : alpha(0);
}

at::Tensor ddim_sampler::advance(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample,
                                 const at::Tensor& noise) {
  const std::int64_t timestep = whole_timestep(index);
  const double alpha_now = alpha(timestep);
  const double alpha_next = alpha_before(timestep);
  const double signal = std::sqrt(alpha_now);
  const double spread = std::sqrt(1.0 - alpha_now);

  at::Tensor clean = clean_of(predicts(), predicted, sample, signal, spread);
  if (options_.clip_sample) clean = clean.clamp(-options_.clip_sample_range, options_.clip_sample_range);
  const at::Tensor epsilon = noise_of(predicts(), predicted, sample, signal, spread);

  const double variance = (1.0 - alpha_next) / (1.0 - alpha_now) * (1.0 - alpha_now / alpha_next);
  const double deviation = options_.eta * std::sqrt(variance);
  at::Tensor next =
      std::sqrt(alpha_next) * clean + std::sqrt(1.0 - alpha_next - deviation * deviation) * epsilon;
  if (draws_noise()) next = next + deviation * noise;
  return next;
}

}  // namespace dvar::diffusion
