// Measures what a step of the monitor costs beside the rule alone: the schedule, the record, the rule's numbers in it.
//
//     bin/bench_toolkit --benchmark_filter='^(rule|monitor)_'
//
// The probe is a look into a table, so that nothing else is measured; probe_bench.cpp has one that computes.
// A run has 6100 steps; the next begins with an empty trace, so the growth of the trace's memory is in the figures.

#include <cstddef>
#include <vector>

#include <benchmark/benchmark.h>

#include <dvar/combinators/after.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/despiked.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/monitor.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "losses.hpp"

namespace {

/// Counts the steps of a run of the default step limit. A new one begins after it, so that no trace grows
/// without end.
constexpr std::size_t run_steps = 6100;

const std::vector<double>& losses() {
  static const std::vector<double> values = dvar::bench::losses(run_steps);
  return values;
}

struct ratio {
  static auto rule() { return dvar::variance_ratio{}; }
};
struct three {
  static auto rule() {
    return dvar::any_of{dvar::variance_ratio{}, dvar::step_limit{run_steps}, dvar::non_finite{}};
  }
};
/// Makes the rule as a line of text does: behind virtual calls, with two rules of one name for the best.
struct chosen {
  static auto rule() {
    return dvar::any_criterion{dvar::any_of{std::vector<dvar::any_criterion>{
        dvar::any_criterion{dvar::after{500, dvar::despiked{3, dvar::variance_ratio{}}}},
        dvar::any_criterion{dvar::patience{dvar::direction::minimize, {.patience = 500}}},
        dvar::any_criterion{dvar::patience{dvar::direction::maximize, {.patience = 500}}}}}};
  }
};

/// Measures the rule alone.
template <class Which>
void rule_alone(benchmark::State& state) {
  auto rule = Which::rule();
  std::size_t step = 0;
  for (auto _ : state) {
    if (step == run_steps) {
      rule.reset();
      step = 0;
    }
    const double loss = losses()[step];
    ++step;
    bool stop = dvar::observe_at(rule, loss, step).stop;
    benchmark::DoNotOptimize(stop);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(rule_alone<ratio>);
BENCHMARK(rule_alone<three>);
BENCHMARK(rule_alone<chosen>);

/// Makes a monitor whose probe gives the loss of `step`, which must outlive it.
template <class Which>
auto monitor_of(const std::size_t& step) {
  return dvar::convergence_monitor{[&step] { return losses()[step - 1]; }, Which::rule()};
}

/// Takes a step as a training loop does, with what the loop measures itself or without.
template <bool with_values, class Monitor>
dvar::monitored_step take(Monitor& monitor, std::size_t step) {
  if constexpr (with_values)
    return monitor.after_step(step, {{"loss", 0.5}, {"gradient_norm", 0.25}});
  else
    return monitor.after_step(step);
}

/// Returns whether a monitored run has the verdicts of the rule alone, and its numbers in the trace.
template <class Which, bool with_values>
bool is_right() {
  auto alone = Which::rule();
  std::size_t step = 0;
  auto monitor = monitor_of<Which>(step);
  while (step < run_steps) {
    ++step;
    const dvar::verdict expected = dvar::observe_at(alone, losses()[step - 1], step);
    const dvar::monitored_step found = take<with_values>(monitor, step);
    const dvar::trace_record& record = found.record;
    if (!(static_cast<const dvar::verdict&>(found) == expected)) return false;
    if (record.step() != step || record["probe_loss"] != losses()[step - 1]) return false;
    if (record["loss"].has_value() != with_values) return false;
    const auto numbers = dvar::reported_values(alone);
    const auto names = dvar::record_names(numbers);
    std::size_t defined = with_values ? 3 : 1;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (record[names[i]] != numbers[i].value) return false;
      defined += numbers[i].value.has_value() ? 1 : 0;
    }
    if (record.size() != defined) return false;
  }
  return monitor.records().size() == run_steps;
}

/// Measures a step whose record has the probe's loss and the rule's numbers, and with `with_values` two of the loop.
template <class Which, bool with_values>
void monitor_step(benchmark::State& state) {
  if (!is_right<Which, with_values>()) {
    state.SkipWithError("the monitored run is not that of the rule alone");
    return;
  }
  std::size_t step = 0;
  auto monitor = monitor_of<Which>(step);
  for (auto _ : state) {
    if (step == run_steps) {
      monitor.reset();
      step = 0;
    }
    ++step;
    bool stop = take<with_values>(monitor, step).stop;
    benchmark::DoNotOptimize(stop);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(monitor_step<ratio, false>);
BENCHMARK(monitor_step<ratio, true>);
BENCHMARK(monitor_step<three, true>);
BENCHMARK(monitor_step<chosen, true>);

/// Measures a step at which the probe does not run and the loop gives two values.
void monitor_step_between(benchmark::State& state) {
  dvar::convergence_monitor monitor{[] { return 1.0; }, dvar::variance_ratio{}, dvar::cadence{run_steps + 1}};
  std::size_t step = 0;
  for (auto _ : state) {
    if (step == run_steps) {
      if (monitor.records().size() != run_steps || monitor.records().back().size() != 2) {
        state.SkipWithError("a step between has another record than the loop's");
        break;
      }
      monitor.reset();
      step = 0;
    }
    bool stop = take<true>(monitor, ++step).stop;
    benchmark::DoNotOptimize(stop);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(monitor_step_between);

}  // namespace
