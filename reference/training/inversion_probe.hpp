#pragma once

#include <functional>
#include <span>

#include <dvar/probe/chunked.hpp>
#include <dvar/probe/deterministic_probe.hpp>
#include <dvar/probe/draws.hpp>

#include "device/phases.hpp"
#include "training/concept_training.hpp"
#include "training/probe_options.hpp"

namespace dvar::training {

/// Keeps an evaluation from touching the training: no gradients, and LibTorch's global generator as it was. The networks
/// have no training mode that could be on: what is dropped is said by keys of the inputs, and the probe's have none.
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

inline double read_scalar(const at::Tensor& scalar) {
  return scalar.item<double>();
}

/// Makes a probe of the loss of an inversion on inputs that do not change, as far as `options` hold them
/// fixed: pictures, captions, latents, noise and timesteps. With all of them fixed, only the concept's
/// vectors vary. `inversion` must outlive the probe. `read` takes the loss of a chunk, a scalar on the
/// device, to the criterion: the one place where an evaluation waits for the device. Every rank evaluates a
/// share of each chunk, and `read` is shown its mean; an evaluation communicates. `of` says which pictures it is: those that are
/// learned from, or those that are held out.
inline auto make_probe(const concept_training& inversion, const concept_inputs& of,
                       const probe_options& options,
                       const std::function<double(const at::Tensor&)>& read = read_scalar) {
  const std::int64_t inputs = options.inputs();
  const concept_training* const trained = &inversion;
  const concept_inputs* const source_of_inputs = &of;
  const models::placement placement = inversion.model().placement;
  const auto pictures = [=](std::mt19937_64& random) {
    std::vector<std::int64_t> indices;
    // Every picture of a concept occurs before one occurs twice, and concepts take turns; the first is a random one.
    const data::concept_dataset& all = source_of_inputs->pictures();
    const std::int64_t first = draw_below(random, all.size());
    for (std::int64_t i = 0; i < inputs; ++i)
      indices.push_back(all.in_turn(first + i));
    return indices;
  };
  // The remainder of each number is the caption: so the choice is held although the pictures, and with them the captions to
  // choose from, may be drawn anew. Over 2^64 numbers the remainders are as good as equally likely.
  const auto choices = [=](std::mt19937_64& random) {
    std::vector<std::uint64_t> numbers;
    for (std::int64_t i = 0; i < inputs; ++i)
      numbers.push_back(random());
    return numbers;
  };
  const auto on_device = [=](const std::vector<std::int64_t>& drawn) {
    return placement.sent(torch::tensor(drawn));
  };
  const auto captions = [=](const std::vector<std::int64_t>& drawn,
                            const std::vector<std::uint64_t>& numbers) {
    std::vector<std::int64_t> chosen;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const data::caption_range range = source_of_inputs->pictures().captions_of(drawn[i]);
      const std::uint64_t among = numbers[i] % static_cast<std::uint64_t>(range.count);
      chosen.push_back(range.first + static_cast<std::int64_t>(among));
    }
    return source_of_inputs->caption_ids(chosen);
  };
  const auto normal_unless = [=](bool zero) {
    return [=](std::mt19937_64& random) {
      at::Generator generator = seeded_generator(random());
      const at::Tensor drawn = source_of_inputs->normal_of_any(inputs, generator);
      return zero ? at::zeros_like(drawn) : drawn;
    };
  };
  const auto timesteps = [=, choice = options.timesteps](std::mt19937_64& random) {
    return placement.sent(
        torch::tensor(draw_timesteps(choice, inputs, trained->model().schedule.steps(), random)));
  };
  const auto when = [](bool is_fixed) { return is_fixed ? sampling::fixed : sampling::resampled; };
  const probe_sources& fixed = options.fixed;
  return deterministic_probe{
      sources(source{pictures, when(fixed.images)}, source{choices, when(fixed.captions)},
              source{normal_unless(options.mean_latents), when(fixed.latents)},
              source{normal_unless(options.zero_noise), when(fixed.noise)},
              source{timesteps, when(fixed.timesteps)}, computed<0>(on_device), computed<0, 1>(captions)),
      chunked{static_cast<std::size_t>(inputs), static_cast<std::size_t>(options.batch),
              [trained, source_of_inputs, read](
                  std::size_t first, std::size_t last, const std::vector<std::int64_t>& numbers,
                  const std::vector<std::uint64_t>&, const at::Tensor& latent_noise, const at::Tensor& noise,
                  const at::Tensor& steps, const at::Tensor& drawn_pictures, const at::Tensor& ids) {
                const bool is_held_out = source_of_inputs == trained->held_out();
                const device::phase part{is_held_out ? "held-out probe" : "probe"};
                inversion_inputs all{drawn_pictures, ids, latent_noise, noise, steps};
                all.weights = source_of_inputs->weights_at(steps);
                const inversion_inputs chunk = all.part({.first = static_cast<std::int64_t>(first),
                                                         .count = static_cast<std::int64_t>(last - first)});
                const rank_group& group = trained->group();
                const batch_share mine = share_of(chunk.batch(), group.rank(), group.size());
                const auto of_mine = std::span{numbers}.subspan(first + static_cast<std::size_t>(mine.first),
                                                                static_cast<std::size_t>(mine.count));
                double sum = 0.0;
                if (mine.count > 0) {
                  for (const inversion_inputs& alike :
                       source_of_inputs->of_one_shape(chunk.part(mine), of_mine)) {
                    const double weight =
                        static_cast<double>(alike.batch()) / static_cast<double>(chunk.batch());
                    sum += weight * read(trained->evaluate(alike, *source_of_inputs).value);
                  }
                }
                return group.all_reduce_sum(sum);
              }},
      torch_isolation{}, std::mt19937_64{options.seed}};
}

/// Makes a probe of the pictures that are learned from.
inline auto make_probe(const concept_training& inversion, const probe_options& options,
                       const std::function<double(const at::Tensor&)>& read = read_scalar) {
  return make_probe(inversion, inversion.inputs(), options, read);
}

}  // namespace dvar::training
