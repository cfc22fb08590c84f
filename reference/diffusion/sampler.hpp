#pragma once

#include "diffusion/noise_schedule.hpp"

namespace dvar::diffusion {

/// Walks from noise to a picture by asking the network at falling timesteps. Use:
///
///     at::Tensor sample = sampler.initial_sample(noise);
///     for (const double timestep : sampler.timesteps())
///       sample = sampler.step(network(sampler.network_input(sample), timestep), sample);
///
/// A sampler may remember what it saw: one object serves one trajectory at a time.
class sampler {
 public:
  virtual ~sampler() = default;

  /// Returns where the network is asked, in order; a timestep may come more than once, and may have a fraction.
  const std::vector<double>& timesteps() const { return timesteps_; }

  /// Returns the sample to begin with, from standard normal noise of its shape.
  virtual at::Tensor initial_sample(const at::Tensor& noise) const { return noise; }

  /// Returns what the network takes for the sample at the next of `timesteps()`: of a variance of 1, as in training.
  at::Tensor network_input(const at::Tensor& sample) const { return scaled(index_, sample); }

  /// Returns the next sample, of the same shape: `predicted` is the network's output for
  /// `network_input(sample)` at the next of `timesteps()`. `noise`, standard normal and of the same shape, is needed where `draws_noise()`.
  /// Throws `std::logic_error` after the last timestep.
  at::Tensor step(const at::Tensor& predicted, const at::Tensor& sample, const at::Tensor& noise = {});

  /// Returns whether every step adds noise.
  virtual bool draws_noise() const { return false; }

  /// Forgets the trajectory: the next step is the first of another one.
  void reset();

 protected:
  sampler(const noise_schedule& schedule, std::vector<double> timesteps);
  sampler(const noise_schedule& schedule, const std::vector<std::int64_t>& timesteps);
  sampler(const sampler&) = default;
  sampler& operator=(const sampler&) = default;

  virtual at::Tensor advance(std::size_t index, const at::Tensor& predicted, const at::Tensor& sample,
                             const at::Tensor& noise) = 0;
  virtual at::Tensor scaled(std::size_t /*index*/, const at::Tensor& sample) const { return sample; }
  virtual void forget() {}

  prediction predicts() const { return schedule_.predicts(); }
  std::int64_t trained_steps() const { return schedule_.steps(); }
  /// Returns a timestep, of a sampler whose timesteps are whole.
  std::int64_t whole_timestep(std::size_t index) const {
    return static_cast<std::int64_t>(timesteps_.at(index));
  }
  /// Returns abar of a timestep within the schedule.
  double alpha(std::int64_t timestep) const { return alphas_.at(static_cast<std::size_t>(timestep)); }

 private:
  noise_schedule schedule_;
  std::vector<double> alphas_;
  std::vector<double> timesteps_;
  std::size_t index_ = 0;
};

/// Returns x_0 of sample = signal x_0 + spread noise, as the network's output says.
at::Tensor clean_of(prediction predicts, const at::Tensor& predicted, const at::Tensor& sample, double signal,
                    double spread);

/// Returns the noise of sample = signal x_0 + spread noise, as the network's output says.
at::Tensor noise_of(prediction predicts, const at::Tensor& predicted, const at::Tensor& sample, double signal,
                    double spread);

}  // namespace dvar::diffusion
