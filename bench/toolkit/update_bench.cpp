// Measures one observation of the DVAR rule: window variance, total variance, ratio, comparison.
//
//     bin/bench_toolkit --benchmark_filter=update --benchmark_repetitions=9 --benchmark_report_aggregates_only=true
//
// official_rule.py prints the same for NumPy.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include <dvar/rules/variance_ratio.hpp>

#include "losses.hpp"

#ifdef DVAR_BENCH_BOOST
#include <boost/accumulators/accumulators.hpp>
#include <boost/accumulators/statistics/rolling_variance.hpp>
#include <boost/accumulators/statistics/stats.hpp>
#include <boost/accumulators/statistics/variance.hpp>
#endif

namespace {

constexpr double threshold = 0.15;

/// Makes the values of a run: a window and then some, and at least the default step limit.
std::vector<double> run(std::size_t window) {
  return dvar::bench::losses(std::max<std::size_t>(6100, 4 * window));
}

/// Returns whether `ratio(value)`, shown one value after the other, is now and then that of the definition.
template <class F>
bool agrees(const std::vector<double>& values, std::size_t window, double tolerance, F ratio) {
  for (std::size_t n = 1; n <= values.size(); ++n) {
    const double found = ratio(values[n - 1]);
    if (n >= window && n % 101 == 0) {
      const double expected = dvar::bench::plain_ratio(std::span(values).first(n), window);
      if (!(std::abs(found / expected - 1.0) < tolerance)) return false;
    }
  }
  return true;
}

constexpr const char* wrong = "the ratio differs from that of the plain loop";

/// Measures one observation at a time.
void update(benchmark::State& state) {
  const auto window = static_cast<std::size_t>(state.range(0));
  const auto values = run(window);
  dvar::variance_ratio rule{{.window = window, .threshold = threshold}};
  if (!agrees(values, window, 1e-9, [&](double x) { return rule.observe(x).statistic.value_or(0.0); })) {
    state.SkipWithError(wrong);
    return;
  }
  std::size_t next = 0;
  bool stop = false;
  for (auto _ : state) {
    stop = rule.observe(values[next]).stop;
    benchmark::DoNotOptimize(stop);
    next = next + 1 == values.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(update)->ArgName("window")->Arg(32)->Arg(310)->Arg(4096);

/// Measures a recorded run at once; the time is that of the whole run, `items_per_second` counts observations.
void update_in_batch(benchmark::State& state) {
  const auto window = static_cast<std::size_t>(state.range(0));
  const auto values = run(window);
  std::vector<double> ratios(values.size());
  dvar::variance_ratio rule{{.window = window, .threshold = threshold}};
  rule.observe(values, ratios);
  std::size_t shown = 0;
  if (!agrees(values, window, 1e-9, [&](double) { return ratios[shown++]; })) {
    state.SkipWithError(wrong);
    return;
  }
  for (auto _ : state) {
    rule.observe(values, ratios);
    benchmark::DoNotOptimize(ratios.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(values.size()));
}
BENCHMARK(update_in_batch)->ArgName("window")->Arg(32)->Arg(310)->Arg(4096);

#ifdef DVAR_BENCH_BOOST
/// Provides a baseline: Boost.Accumulators, whose rolling variance is the sample variance.
class boost_rule {
 public:
  explicit boost_rule(std::size_t window)
      : to_population_(1.0 - 1.0 / static_cast<double>(window)),
        recent_(boost::accumulators::tag::rolling_window::window_size = window) {}

  double observe(double value) {
    recent_(value);
    all_(value);
    return boost::accumulators::rolling_variance(recent_) * to_population_ /
           boost::accumulators::variance(all_);
  }

 private:
  template <class Tag>
  using accumulator = boost::accumulators::accumulator_set<double, boost::accumulators::stats<Tag>>;

  double to_population_;
  accumulator<boost::accumulators::tag::rolling_variance> recent_;
  accumulator<boost::accumulators::tag::variance> all_;
};

void update_by_boost(benchmark::State& state) {
  const auto window = static_cast<std::size_t>(state.range(0));
  const auto values = run(window);
  boost_rule rule(window);
  if (!agrees(values, window, 1e-6, [&](double x) { return rule.observe(x); })) {
    state.SkipWithError(wrong);
    return;
  }
  std::size_t next = 0;
  for (auto _ : state) {
    bool stop = rule.observe(values[next]) < threshold;
    benchmark::DoNotOptimize(stop);
    next = next + 1 == values.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(update_by_boost)->ArgName("window")->Arg(32)->Arg(310)->Arg(4096);
#endif

/// Measures a baseline: keep everything, and take both variances anew over the last 6100 values, as the
/// official code does.
void update_by_plain_loop(benchmark::State& state) {
  const auto window = static_cast<std::size_t>(state.range(0));
  const auto values = run(window);
  std::size_t n = window;
  for (auto _ : state) {
    benchmark::DoNotOptimize(dvar::bench::plain_ratio(std::span(values).first(n), window));
    n = n == values.size() ? window : n + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(update_by_plain_loop)->ArgName("window")->Arg(32)->Arg(310)->Arg(4096);

}  // namespace
