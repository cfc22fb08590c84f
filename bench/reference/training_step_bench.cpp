// What a training step of the bundled model costs, without a probe, with it, and the probe alone.
#include <benchmark/benchmark.h>

#include <cmath>

#include "text/prompt_templates.hpp"
#include "training/inversion_probe.hpp"

namespace {

using namespace dvar;

struct setting {
  diffusion::latent_diffusion model = diffusion::latent_diffusion::open(DVAR_DEMO "/model");
  diffusion::prompt_encoder prompts{model, "<thing>", 1};
  data::concept_dataset pictures{
      {.images_dir = DVAR_DEMO "/concepts/frog",
       .size = 64,
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
  training::batch_workers workers{training::batch_workers::suitable_count(4, at::kCPU)};
  training::textual_inversion inversion{model,        pictures,
                                        prompts,      model.text_encoder.token_embedding().narrow(0, 600, 1),
                                        {.batch = 4}, workers};
};

/// A step must lower nothing to NaN, move the vector, and a probe must give the same value twice.
bool is_right(setting& made) {
  auto probe = training::make_probe(made.inversion, {.batch = 4});
  const double first = probe();
  const bool repeatable = probe() == first && std::isfinite(first);
  const at::Tensor before = made.inversion.vectors().detach().clone();
  const training::step_outcome outcome = made.inversion.take_step(1);
  return repeatable && outcome.applied && !at::equal(before, made.inversion.vectors()) && probe() != first;
}

template <class Work>
void measure(benchmark::State& state, Work work) {
  setting made;
  if (!is_right(made)) {
    state.SkipWithError("the step or the probe gives a wrong result");
    return;
  }
  auto probe = training::make_probe(made.inversion, {.batch = 4});
  std::int64_t step = 1;
  for ([[maybe_unused]] auto _ : state)
    work(made.inversion, probe, ++step);
}

void training_step(benchmark::State& state) {
  measure(state, [](auto& inversion, auto&, std::int64_t step) { inversion.take_step(step); });
}

void training_step_and_probe(benchmark::State& state) {
  measure(state, [](auto& inversion, auto& probe, std::int64_t step) {
    inversion.take_step(step);
    benchmark::DoNotOptimize(probe());
  });
}

void probe_alone(benchmark::State& state) {
  measure(state, [](auto&, auto& probe, std::int64_t) { benchmark::DoNotOptimize(probe()); });
}

BENCHMARK(training_step)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(training_step_and_probe)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(probe_alone)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
