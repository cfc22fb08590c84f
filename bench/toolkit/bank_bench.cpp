// Measures the DVAR rule over 4096 series: an observation of each. `items_per_second` counts the updates of single series.
//
//     bin/bench_toolkit --benchmark_filter=bank --benchmark_repetitions=9 --benchmark_report_aggregates_only=true

#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include <dvar/bank/variance_ratio_bank.hpp>
#include <dvar/rules/variance_ratio.hpp>

namespace {

constexpr std::size_t window = 310;
constexpr std::size_t series = 4096;
constexpr std::size_t steps = 128;

/// Returns [steps, series]: noise about a level that falls.
template <class T>
std::vector<T> rows() {
  std::mt19937_64 engine{1};
  std::normal_distribution<double> noise(0.0, 1e-5);
  std::vector<T> values;
  for (std::size_t n = 0; n < steps; ++n)
    for (std::size_t s = 0; s < series; ++s)
      values.push_back(static_cast<T>(0.18 - 1e-6 * static_cast<double>(n) + noise(engine)));
  return values;
}

template <class T>
std::span<const T> row(const std::vector<T>& values, std::size_t n) {
  return std::span(values).subspan(n % steps * series, series);
}

/// Returns whether some of the series get what the single rule gives.
template <class T>
bool agrees(dvar::variance_ratio_bank<T>& bank, const std::vector<T>& values) {
  dvar::variance_ratio first;
  dvar::variance_ratio last;
  for (std::size_t n = 0; n < 6 * steps; ++n) {
    bank.observe(row(values, n));
    first.observe(static_cast<double>(row(values, n).front()));
    last.observe(static_cast<double>(row(values, n).back()));
    if (bank.latest(0) != first.latest() || bank.latest(series - 1) != last.latest()) return false;
  }
  return true;
}

template <class T>
void bank(benchmark::State& state) {
  const auto at_once = static_cast<std::size_t>(state.range(0));
  const auto values = rows<T>();
  dvar::variance_ratio_bank<T> bank(series);
  if (!agrees(bank, values)) {
    state.SkipWithError("a series differs from the single rule");
    return;
  }
  std::size_t n = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(bank.observe(std::span(values).subspan(n * series, at_once * series)));
    n = (n + at_once) % steps;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(at_once * series));
}
BENCHMARK(bank<double>)->ArgName("steps")->Arg(1)->Arg(128);
BENCHMARK(bank<float>)->ArgName("steps")->Arg(1)->Arg(128);

/// Measures the floor: put the new value in the place of the old one, and keep one sum.
void bank_swap_and_sum(benchmark::State& state) {
  const auto values = rows<double>();
  std::vector<double> ring(window * series);
  std::vector<double> sums(series);
  std::size_t n = 0;
  for (auto _ : state) {
    double* const old = &ring[n % window * series];
    const double* const now = row(values, n).data();
    double* const sum = sums.data();
#pragma GCC ivdep
    for (std::size_t s = 0; s < series; ++s) {
      sum[s] += now[s] - old[s];
      old[s] = now[s];
    }
    benchmark::ClobberMemory();
    ++n;
  }
  double expected = 0.0;
  for (std::size_t back = 1; back <= window && back <= n; ++back)
    expected += row(values, n - back)[7];
  if (std::abs(sums[7] - expected) > 1e-6) state.SkipWithError("the sum is wrong");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(series));
}
BENCHMARK(bank_swap_and_sum);

}  // namespace
