#include "diffusion/ddim_sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "error.hpp"

namespace dvar::diffusion {
namespace {

// Lin et al., arXiv 2305.08891, table 2.
std::vector<std::int64_t> spaced_timesteps(const ddim_options& options, std::int64_t trained) {
  std::vector<std::int64_t> timesteps;
  const auto total = static_cast<double>(trained);
  for (std::int64_t i = 0; i < options.steps; ++i) {
    const auto step = static_cast<double>(i);
    const auto count = static_cast<double>(options.steps);
    if (options.timestep_spacing == "linspace") {
      const double last = options.steps > 1 ? (total - 1.0) / (count - 1.0) : 0.0;
      timesteps.push_back(std::llrint(step * last));
    } else if (options.timestep_spacing == "trailing") {
      // In the published sampler's order of rounding (numpy.arange), which decides where a timestep lies half-way.
      const double stride = (total - total / count) - total;
      timesteps.push_back(std::llrint(total + step * stride) - 1);
    } else {
      timesteps.push_back(i * (trained / options.steps) + options.steps_offset);
    }
  }
  if (options.timestep_spacing != "trailing") std::reverse(timesteps.begin(), timesteps.end());
  return timesteps;
}

}  // namespace

ddim_options ddim_options::from_config(const weights::config_reader& config) {
  ddim_options read;
  read.set_alpha_to_one = config.get_or("set_alpha_to_one", true);
  read.steps_offset = config.get_or<std::int64_t>("steps_offset", 0);
  read.timestep_spacing = config.get_or<std::string>("timestep_spacing", "leading");
  if (read.timestep_spacing != "leading" && read.timestep_spacing != "trailing" &&
      read.timestep_spacing != "linspace") {
    config.refuse("timestep_spacing", "leading, trailing or linspace");
  }
  read.clip_sample = config.get_or("clip_sample", true);
  read.clip_sample_range = config.get_or("clip_sample_range", 1.0);
  if (config.get_or("thresholding", false)) config.refuse("thresholding", "false");
  return read;
}

ddim_sampler::ddim_sampler(const noise_schedule& schedule, const ddim_options& options)
    : schedule_{schedule}, options_{options} {
  if (options.steps < 1 || options.steps > schedule.steps()) {
    throw input_error(
        fmt::format("sampling steps: expected 1 to {}, found {}", schedule.steps(), options.steps));
  }
  timesteps_ = spaced_timesteps(options, schedule.steps());
  const auto [least, greatest] = std::ranges::minmax(timesteps_);
  if (least < 0 || greatest >= schedule.steps()) {
    throw input_error(
        fmt::format("steps_offset {} with {} sampling steps: expected timesteps of 0 to {}, found {} to {}",
                    options.steps_offset, options.steps, schedule.steps() - 1, least, greatest));
  }
  const at::Tensor alphas = schedule.alphas_cumulative().contiguous();
  alphas_.assign(alphas.data_ptr<double>(), alphas.data_ptr<double>() + alphas.numel());
}

double ddim_sampler::alpha_before(std::int64_t timestep) const {
  const std::int64_t before = timestep - schedule_.steps() / options_.steps;
  if (before >= 0) return alphas_.at(static_cast<std::size_t>(before));
  return options_.set_alpha_to_one ? 1.0 : alphas_.front();
}

at::Tensor ddim_sampler::step(const at::Tensor& predicted, std::size_t index, const at::Tensor& sample,
                              const at::Tensor& noise) const {
  const std::int64_t timestep = timesteps_.at(index);
  const double alpha = alphas_.at(static_cast<std::size_t>(timestep));
  const double alpha_next = alpha_before(timestep);
  const double signal = std::sqrt(alpha);
  const double spread = std::sqrt(1.0 - alpha);

  at::Tensor clean;
  at::Tensor epsilon;
  switch (schedule_.predicts()) {
    case prediction::epsilon:
      epsilon = predicted;
      clean = (sample - spread * predicted) / signal;
      break;
    case prediction::sample:
      clean = predicted;
      epsilon = (sample - signal * predicted) / spread;
      break;
    case prediction::velocity:
      clean = signal * sample - spread * predicted;
      epsilon = signal * predicted + spread * sample;
      break;
  }
  if (options_.clip_sample) clean = clean.clamp(-options_.clip_sample_range, options_.clip_sample_range);

  const double variance = (1.0 - alpha_next) / (1.0 - alpha) * (1.0 - alpha / alpha_next);
  const double deviation = options_.eta * std::sqrt(variance);
  at::Tensor next =
      std::sqrt(alpha_next) * clean + std::sqrt(1.0 - alpha_next - deviation * deviation) * epsilon;
  if (options_.eta > 0.0) next = next + deviation * noise;
  return next;
}

}  // namespace dvar::diffusion
