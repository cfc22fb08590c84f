// Measures what the probe and the monitor add to the loss that they evaluate.
//
//     bin/bench_toolkit --benchmark_filter=probe

#include <cstddef>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include <dvar/combinators/any_of.hpp>
#include <dvar/monitor.hpp>
#include <dvar/probe/deterministic_probe.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/variance_ratio.hpp>

namespace {

using inputs = std::vector<double>;

inputs draw(std::mt19937_64& engine) {
  inputs values(64);
  for (double& value : values)
    value = std::uniform_real_distribution<double>()(engine);
  return values;
}

double loss(const inputs& values, double weight) {
  double sum = 0.0;
  for (const double value : values)
    sum += (weight - value) * (weight - value);
  return sum;
}

/// Measures the loss alone, which the figures below are to be compared with.
void probe_none(benchmark::State& state) {
  std::mt19937_64 engine;
  const inputs values = draw(engine);
  double weight = 1.0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(weight);
    benchmark::DoNotOptimize(loss(values, weight));
  }
}
BENCHMARK(probe_none);

template <class Isolation>
void run(benchmark::State& state, Isolation isolation) {
  double weight = 1.0;
  dvar::deterministic_probe probe{dvar::sources(dvar::fixed(draw)),
                                  [&](const inputs& values) { return loss(values, weight); }, isolation};
  std::mt19937_64 engine;
  if (probe() != loss(draw(engine), weight)) {
    state.SkipWithError("the probe's value is not the loss on its first draw");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(weight);
    benchmark::DoNotOptimize(probe());
  }
}

void probe_without_isolation(benchmark::State& state) {
  run(state, dvar::no_isolation{});
}
BENCHMARK(probe_without_isolation);

/// Measures what it costs to preserve a Mersenne twister: 2.5 kB to save and to restore.
void probe_with_engine_preserved(benchmark::State& state) {
  std::mt19937_64 training_engine;
  run(state, dvar::preserve(training_engine));
}
BENCHMARK(probe_with_engine_preserved);

/// Measures probe, three criteria and the trace, 6100 steps at a time, as a training would.
void probe_in_monitor(benchmark::State& state) {
  double weight = 1.0;
  dvar::convergence_monitor monitor{
      dvar::deterministic_probe{dvar::sources(dvar::fixed(draw)),
                                [&](const inputs& values) { return loss(values, weight); }},
      dvar::any_of{dvar::variance_ratio{}, dvar::step_limit{6100}, dvar::non_finite{}}};
  std::size_t step = 0;
  for (auto _ : state) {
    weight *= 0.999;
    const auto verdict = monitor.after_step(++step);
    if (step == 6100) {
      if (!verdict.stop) {
        state.SkipWithError("the step limit did not stop the run");
        break;
      }
      monitor.reset();
      weight = 1.0;
      step = 0;
    }
  }
}
BENCHMARK(probe_in_monitor);

}  // namespace
