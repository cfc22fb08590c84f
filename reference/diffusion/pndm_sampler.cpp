#include "diffusion/pndm_sampler.hpp"

#include <cmath>

#include "error.hpp"

namespace dvar::diffusion {
namespace {

constexpr std::size_t order = 4;
constexpr std::size_t runge_kutta_steps = order - 1;

/// Returns the timesteps where the network is asked, from the steps' own.
std::vector<std::int64_t> visits(const std::vector<std::int64_t>& spaced, bool skip_prk_steps,
                                 std::int64_t stride) {
  std::vector<std::int64_t> visited;
  if (skip_prk_steps) {
    // The second timestep comes twice: the first step is corrected by an evaluation at its end.
    visited = spaced;
    if (spaced.size() > 1) visited.insert(visited.begin() + 1, spaced[1]);
    return visited;
  }
  // A Runge-Kutta step asks at its beginning, twice in its middle, and at its end.
  for (std::size_t i = 0; i < runge_kutta_steps; ++i) {
    const std::int64_t middle = spaced[i + 1] + stride / 2;
    visited.insert(visited.end(), {spaced[i], middle, middle, spaced[i + 1]});
  }
  visited.insert(visited.end(), spaced.begin() + runge_kutta_steps, spaced.end());
  return visited;
}

std::vector<std::int64_t> timesteps_of(const pndm_options& options, std::int64_t trained) {
  check_steps(options.steps, options.skip_prk_steps ? 1 : std::int64_t{order}, trained);
  const auto spaced = spaced_timesteps(options.spacing, options.steps, trained, options.steps_offset);
  check_timesteps(spaced, trained, options.steps_offset);
  return visits(spaced, options.skip_prk_steps, trained / options.steps);
}

}  // namespace

pndm_options pndm_options::from_config(const weights::config_reader& config) {
  pndm_options read;
  read.skip_prk_steps = config.get_or("skip_prk_steps", false);
  read.set_alpha_to_one = config.get_or("set_alpha_to_one", false);
  read.steps_offset = steps_offset_from_config(config);
  read.spacing = timestep_spacing_from_config(config, timestep_spacing::leading);
  return read;
}

pndm_sampler::pndm_sampler(const noise_schedule& schedule, const pndm_options& options)
    : sampler{schedule, timesteps_of(options, schedule.steps())},
      options_{options},
      stride_{schedule.steps() / options.steps},
      runge_kutta_count_{options.skip_prk_steps ? 0 : 4 * runge_kutta_steps} {
  if (schedule.predicts() == prediction::sample) {
    throw input_error(
        "the sampler pndm: expected a network whose prediction_type is epsilon or v_prediction, found sample");
  }
  if (schedule.alphas_cumulative()[-1].item<double>() == 0.0) {
    throw input_error(
        "the sampler pndm: expected a schedule that keeps some signal at every timestep, found one whose last has none (rescale_betas_zero_snr); ddim, dpm++ and euler can start there");
  }
}

void pndm_sampler::forget() {
  recent_.clear();
  sum_ = at::Tensor{};
  start_ = at::Tensor{};
}

at::Tensor pndm_sampler::advance(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample,
                                 const at::Tensor&) {
  return index < runge_kutta_count_ ? runge_kutta(index, predicted, sample)
                                    : multistep(index, predicted, sample);
}

// Equation 13: the classical fourth-order weights 1/6, 1/3, 1/3, 1/6.
at::Tensor pndm_sampler::runge_kutta(std::size_t index, const at::Tensor& predicted,
                                     const at::Tensor& sample) {
  const std::size_t stage = index % 4;
  const std::int64_t begin = whole_timestep(index - stage);
  at::Tensor slope = predicted;
  if (stage == 0) {
    recent_.push_back(predicted);
    sum_ = predicted / 6.0;
    start_ = sample;
  } else if (stage < 3) {
    sum_ = sum_ + predicted / 3.0;
  } else {
    slope = sum_ + predicted / 6.0;
  }
  // The first two stages lead half a step on, the others a whole one.
  const std::int64_t end = whole_timestep(index) - (stage % 2 == 0 ? stride_ / 2 : 0);
  return transfer(start_, begin, end, slope);
}

// Equation 12, with lower orders (Adams-Bashforth) for the first steps where there was no Runge-Kutta.
at::Tensor pndm_sampler::multistep(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample) {
  const std::int64_t timestep = whole_timestep(index);
  if (index == 1) {
    // The evaluation at the end of the first step: it goes again, with the mean of both (Heun).
    return transfer(start_, timestep + stride_, timestep, (predicted + recent_.back()) / 2.0);
  }
  if (recent_.size() == order) recent_.erase(recent_.begin());
  recent_.push_back(predicted);
  if (index == 0) start_ = sample;

  const auto before = [&](std::size_t back) { return recent_[recent_.size() - 1 - back]; };
  at::Tensor slope;
  switch (recent_.size()) {
    case 1:
      slope = predicted;
      break;
    case 2:
      slope = (3.0 * before(0) - before(1)) / 2.0;
      break;
    case 3:
      slope = (23.0 * before(0) - 16.0 * before(1) + 5.0 * before(2)) / 12.0;
      break;
    default:
      slope = (55.0 * before(0) - 59.0 * before(1) + 37.0 * before(2) - 9.0 * before(3)) / 24.0;
  }
  return transfer(sample, timestep, timestep - stride_, slope);
}

at::Tensor pndm_sampler::transfer(const at::Tensor& sample, std::int64_t from, std::int64_t to,
                                  const at::Tensor& predicted) const {
  const double alpha_from = alpha(from);
  const double alpha_to = to >= 0 ? alpha(to) : options_.set_alpha_to_one ? 1.0 : alpha(0);
  const at::Tensor epsilon =
      noise_of(predicts(), predicted, sample, std::sqrt(alpha_from), std::sqrt(1.0 - alpha_from));
  const double denominator =
      alpha_from * std::sqrt(1.0 - alpha_to) + std::sqrt(alpha_from * (1.0 - alpha_from) * alpha_to);
  return std::sqrt(alpha_to / alpha_from) * sample - (alpha_to - alpha_from) / denominator * epsilon;
}

}  // namespace dvar::diffusion
