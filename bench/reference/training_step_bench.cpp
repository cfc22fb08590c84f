// Measures a training step of the bundled model, without a probe, with it, and the probe alone: with one worker, where
// LibTorch divides every operation among its threads, and with as many as there are threads, which divide the batch, or
// take micro-batches of it in turn.
#include <cmath>

#include <benchmark/benchmark.h>

#include "text/prompt_templates.hpp"
#include "training/inversion_probe.hpp"

namespace dvar {
namespace {

constexpr std::int64_t batch = 4;

struct setting {
  setting(std::int64_t worker_count, std::optional<std::int64_t> micro_batch)
      : workers{worker_count},
        inversion{model,
                  pictures,
                  prompts,
                  model.text_encoder.token_embedding().narrow(0, 600, 1),
                  {.batch = batch, .micro_batch = micro_batch},
                  workers} {}

  diffusion::latent_diffusion model = diffusion::latent_diffusion::open(DVAR_DEMO "/model");
  diffusion::prompt_encoder prompts{model, "<thing>", 1};
  data::concept_dataset pictures{
      {.images_dir = DVAR_DEMO "/concepts/frog",
       .size = 64,
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
  training::batch_workers workers;
  training::concept_training inversion;
};

/// Returns whether a step lowers nothing to NaN and moves the vector, and a probe gives the same value twice.
bool is_right(setting& made) {
  auto probe = training::make_probe(made.inversion, {.batch = batch});
  const double first = probe();
  const bool repeatable = probe() == first && std::isfinite(first);
  const at::Tensor before = made.inversion.vectors().detach().clone();
  const training::step_outcome outcome = made.inversion.take_step(1);
  return repeatable && outcome.applied && !at::equal(before, made.inversion.vectors()) && probe() != first;
}

template <class Work>
void measure(benchmark::State& state, Work work) {
  const std::int64_t micro_batch = state.range(1);
  setting made{state.range(0), micro_batch > 0 ? std::optional{micro_batch} : std::nullopt};
  if (!is_right(made)) {
    state.SkipWithError("the step or the probe gives a wrong result");
    return;
  }
  auto probe = training::make_probe(made.inversion, {.batch = batch});
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

/// Sets the divisions to measure. A micro-batch of 0 stands for none: the workers divide the batch.
void divisions(benchmark::internal::Benchmark* measured) {
  measured->ArgNames({"workers", "micro_batch"})->Unit(benchmark::kMillisecond)->UseRealTime();
  const std::int64_t all = training::batch_workers::suitable_count(batch, at::kCPU);
  measured->Args({1, 0});
  if (all > 1) measured->Args({all, 0});
  for (const std::int64_t micro_batch : {2, 1})
    measured->Args({all, micro_batch});
}

BENCHMARK(training_step)->Apply(divisions);
BENCHMARK(training_step_and_probe)->Apply(divisions);
BENCHMARK(probe_alone)->Apply(divisions);

}  // namespace
}  // namespace dvar
