// Measures where the rule stops on 92 runs of 6,100 losses for 100 windows and 100 thresholds, on two threads.
//
//     bin/bench_toolkit --benchmark_filter=grid

#include <cstddef>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <dvar/trace/replay.hpp>
#include <dvar/trace/threshold_grid.hpp>

#include "losses.hpp"

namespace {

void grid_of_stops(benchmark::State& state) {
  std::vector<std::size_t> windows;
  std::vector<double> thresholds;
  for (std::size_t i = 1; i <= 100; ++i) {
    windows.push_back(10 * i);
    thresholds.push_back(0.01 * static_cast<double>(i));
  }
  std::vector<std::vector<double>> runs;
  for (unsigned seed = 0; seed < 92; ++seed)
    runs.push_back(dvar::bench::losses(6100, seed));
  const auto some = dvar::threshold_grid(runs[7], windows, thresholds);
  for (std::size_t i = 0; i < 100; i += 9) {
    const std::size_t w = i;
    const std::size_t t = 99 - i;
    const dvar::variance_ratio rule({.window = windows[w], .threshold = thresholds[t]});
    if (some(w, t) != dvar::replay(runs[7], rule).stopped_at.value_or(dvar::never)) {
      state.SkipWithError("a cell differs from a replay");
      return;
    }
  }
  const auto every_other = [&](std::size_t first) {
    for (std::size_t r = first; r < runs.size(); r += 2)
      benchmark::DoNotOptimize(dvar::threshold_grid(runs[r], windows, thresholds));
  };
  for (auto _ : state) {
    std::thread other(every_other, 1);
    every_other(0);
    other.join();
  }
}
BENCHMARK(grid_of_stops)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
