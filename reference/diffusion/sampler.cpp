#include "diffusion/sampler.hpp"

#include <stdexcept>

namespace dvar::diffusion {

sampler::sampler(const noise_schedule& schedule, std::vector<double> timesteps)
    : schedule_{schedule}, timesteps_{std::move(timesteps)} {
  const at::Tensor alphas = schedule.alphas_cumulative().contiguous();
  alphas_.assign(alphas.data_ptr<double>(), alphas.data_ptr<double>() + alphas.numel());
}

sampler::sampler(const noise_schedule& schedule, const std::vector<std::int64_t>& timesteps)
    : sampler{schedule, std::vector<double>(timesteps.begin(), timesteps.end())} {}

at::Tensor sampler::step(const at::Tensor& predicted, const at::Tensor& sample, const at::Tensor& noise) {
  if (index_ >= timesteps_.size()) throw std::logic_error("sampler: a step after the last");
  return advance(index_++, predicted, sample, noise);
}

void sampler::reset() {
  index_ = 0;
  forget();
}

at::Tensor clean_of(prediction predicts, const at::Tensor& predicted, const at::Tensor& sample, double signal,
                    double spread) {
  switch (predicts) {
    case prediction::epsilon:
      return (sample - spread * predicted) / signal;
    case prediction::velocity:
      return signal * sample - spread * predicted;
    case prediction::sample:
      return predicted;
  }
  throw std::logic_error("clean_of: unknown prediction");
}

at::Tensor noise_of(prediction predicts, const at::Tensor& predicted, const at::Tensor& sample, double signal,
                    double spread) {
  switch (predicts) {
    case prediction::epsilon:
      return predicted;
    case prediction::velocity:
      return signal * predicted + spread * sample;
    case prediction::sample:
      return (sample - signal * predicted) / spread;
  }
  throw std::logic_error("noise_of: unknown prediction");
}

}  // namespace dvar::diffusion
