#pragma once

#include <dvar/probe/deterministic_probe.hpp>
#include <functional>

#include "data/draw.hpp"
#include "training/textual_inversion.hpp"

namespace dvar::training {

/// Keeps an evaluation from touching the training: no gradients, and LibTorch's global generator as it was.
struct torch_isolation {
  class guard {
   public:
    guard() : generator_{at::globalContext().defaultGenerator(at::kCPU)}, state_{generator_.get_state()} {}
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { generator_.set_state(state_); }

   private:
    at::Generator generator_;
    at::Tensor state_;
    at::NoGradGuard no_gradient_;
  };
  guard operator()() const { return guard{}; }
};

struct probe_options {
  std::int64_t batch = 4;  ///< 1 or 2 are brittle (arXiv 2302.04841, section 4)
  std::uint64_t seed = 0;
};

/// Timesteps for a probe: one uniformly from each of `batch` equal parts of 0 … steps - 1. Of a few independent draws
/// too many may fall where the loss hardly depends on the text.
inline std::vector<std::int64_t> stratified_timesteps(std::int64_t batch, std::int64_t steps,
                                                      std::mt19937_64& random) {
  std::vector<std::int64_t> timesteps;
  for (std::int64_t i = 0; i < batch; ++i) {
    const std::int64_t low = i * steps / batch;
    const std::int64_t high = std::max(low + 1, (i + 1) * steps / batch);
    timesteps.push_back(
        low + static_cast<std::int64_t>(data::draw_below(random, static_cast<std::uint64_t>(high - low))));
  }
  return timesteps;
}

inline double read_scalar(const at::Tensor& scalar) {
  return scalar.item<double>();
}

/// The deterministic loss of an inversion: pictures, latents, noise, captions and timesteps are drawn once and held
/// fixed, so that only the concept's vectors vary. `inversion` must outlive the probe. `read` takes the loss, a scalar
/// on the device, to the criterion: the one place where an evaluation waits for the device.
inline auto make_probe(const textual_inversion& inversion, const probe_options& options,
                       const std::function<double(const at::Tensor&)>& read = read_scalar) {
  const std::int64_t batch = options.batch;
  const textual_inversion* const trained = &inversion;
  const at::Device device = inversion.model().where.device;
  const auto pictures = [=](std::mt19937_64& random) {
    std::vector<std::int64_t> indices;
    // Every picture occurs before one occurs twice; the first is a random one.
    const std::int64_t count = trained->pictures().size();
    const auto first = static_cast<std::int64_t>(data::draw_below(random, static_cast<std::uint64_t>(count)));
    for (std::int64_t i = 0; i < batch; ++i)
      indices.push_back((first + i) % count);
    return torch::tensor(indices).to(device);
  };
  const auto captions = [=](std::mt19937_64& random) {
    const auto count = static_cast<std::uint64_t>(trained->pictures().options().template_count);
    std::vector<std::int64_t> templates;
    for (std::int64_t i = 0; i < batch; ++i) {
      templates.push_back(static_cast<std::int64_t>(data::draw_below(random, count)));
    }
    return trained->caption_ids(templates);
  };
  const auto normal = [=](std::mt19937_64& random) {
    at::Generator generator = seeded_generator(random());
    return trained->normal(batch, generator);
  };
  const auto timesteps = [=](std::mt19937_64& random) {
    return torch::tensor(stratified_timesteps(batch, trained->model().schedule.steps(), random)).to(device);
  };
  return deterministic_probe{
      sources(fixed(pictures), fixed(captions), fixed(normal), fixed(normal), fixed(timesteps)),
      [trained, read](const at::Tensor& drawn_pictures, const at::Tensor& ids, const at::Tensor& latent_noise,
                      const at::Tensor& noise, const at::Tensor& steps) {
        return read(trained->evaluate({drawn_pictures, ids, latent_noise, noise, steps}).value);
      },
      torch_isolation{}, std::mt19937_64{options.seed}};
}

}  // namespace dvar::training
