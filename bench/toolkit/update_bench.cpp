// One observation of the DVAR rule: window variance, total variance, ratio, comparison.
//
//     bin/bench_toolkit --benchmark_filter=update --benchmark_repetitions=9 --benchmark_report_aggregates_only=true

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include <dvar/criteria/variance_ratio.hpp>

namespace {

/// The probe loss of a run: it falls, then stays.
std::vector<double> losses(std::size_t length) {
  std::mt19937_64 engine{1};
  std::normal_distribution<double> noise(0.0, 1e-5);
  std::vector<double> values;
  for (std::size_t i = 0; i < length; ++i) {
    values.push_back(0.18 + 1e-3 * std::exp(-3.0 * static_cast<double>(i) / static_cast<double>(length)) +
                     noise(engine));
  }
  return values;
}

double two_pass_variance(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - mean) * (value - mean);
  }
  return squares / n;
}

double plain_ratio(std::span<const double> history, std::size_t window) {
  return two_pass_variance(history.last(window)) / two_pass_variance(history);
}

/// How many values a run has: a window and then some, and at least the default step limit.
std::size_t run_length(std::size_t window) {
  return std::max<std::size_t>(6100, 4 * window);
}

bool agrees(const std::vector<double>& values, std::size_t window) {
  dvar::variance_ratio rule{{.window = window, .threshold = 0.15}};
  for (std::size_t n = 1; n <= values.size(); ++n) {
    const auto verdict = rule.observe(values[n - 1]);
    if (n >= window && n % 101 == 0) {
      const double expected = plain_ratio(std::span(values).first(n), window);
      if (!verdict.statistic || std::abs(*verdict.statistic / expected - 1.0) > 1e-9) {
        return false;
      }
    }
  }
  return true;
}

void update(benchmark::State& state) {
  const auto window = static_cast<std::size_t>(state.range(0));
  const auto values = losses(run_length(window));
  if (!agrees(values, window)) {
    state.SkipWithError("the ratio differs from that of the plain loop");
    return;
  }
  dvar::variance_ratio rule{{.window = window, .threshold = 0.15}};
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(rule.observe(values[next]));
    next = next + 1 == values.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(update)->ArgName("window")->Arg(32)->Arg(310)->Arg(4096);

/// The baseline: keep everything, and take both variances anew over the last 6100 values, as the official
/// code does.
void update_by_plain_loop(benchmark::State& state) {
  const auto window = static_cast<std::size_t>(state.range(0));
  const auto values = losses(run_length(window));
  std::size_t n = window;
  for (auto _ : state) {
    benchmark::DoNotOptimize(plain_ratio(std::span(values).first(n), window));
    n = n == values.size() ? window : n + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(update_by_plain_loop)->ArgName("window")->Arg(32)->Arg(310)->Arg(4096);

}  // namespace
