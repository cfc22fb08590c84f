#include "suite.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

#include <dvar/catalog/make_criterion.hpp>
#include <dvar/criteria/any_criterion.hpp>

#include "judging.hpp"

namespace dvar::stress {

namespace {

/// Holds what one rule did with one run.
struct result {
  std::size_t stopped_at = 0;  // 0 for none
  outcome became = outcome::went_on;
};

/// Shows a rule the run until it stops.
result watch(any_criterion& rule, const made_series& run, const good_stops& good) {
  rule.reset();
  for (std::size_t i = 0; i < run.observed.size(); ++i) {
    const verdict said = rule.observe(run.observed[i], i + 1);
    if (!said.stop) continue;
    const bool broken = is_for_a_broken_value(said, run.observed[i]);
    return {i + 1, broken ? outcome::good_stop : judge(good, i + 1)};
  }
  return {0, judge(good, std::nullopt)};
}

/// Shares the runs of one kind among threads. Results stand by the numbers of the runs, so who made which does not matter.
class shared_runs {
 public:
  shared_runs(const kind& of, std::uint64_t stream, const suite_options& options, std::size_t rules)
      : kind_(of), stream_(stream), options_(options), results_(rules, std::vector<result>(options.runs)) {}

  /// Takes runs until there are none left.
  void work(std::vector<any_criterion> rules) {
    made_series run{std::vector<double>(options_.length), std::vector<double>(options_.length)};
    for (std::size_t number = next_++; number < options_.runs; number = next_++) {
      random_stream random{options_.seed, stream_, number};
      kind_.make(random, run);
      const good_stops good = find_good_stops(run.noiseless, kind_.expected);
      for (std::size_t i = 0; i < rules.size(); ++i)
        results_[i][number] = watch(rules[i], run, good);
    }
  }

  [[nodiscard]] const std::vector<result>& of_rule(std::size_t i) const { return results_[i]; }

 private:
  const kind& kind_;
  std::uint64_t stream_;
  const suite_options& options_;
  std::vector<std::vector<result>> results_;  // by rule, then run
  std::atomic<std::size_t> next_{0};
};

tally summarize(std::string_view of, const std::string& rule, const std::vector<result>& results) {
  tally counted{.kind = of, .rule = rule, .runs = results.size()};
  std::vector<std::size_t> stops;
  for (const result& each : results) {
    if (each.stopped_at > 0) stops.push_back(each.stopped_at);
    counted.false_stops += each.became == outcome::false_stop ? 1 : 0;
    counted.late_stops += each.became == outcome::late_stop ? 1 : 0;
    counted.missed += each.became == outcome::missed ? 1 : 0;
  }
  counted.stopped = stops.size();
  if (stops.empty()) return counted;
  std::sort(stops.begin(), stops.end());
  const auto quartile = [&](std::size_t quarters) { return stops[(quarters * stops.size() + 3) / 4 - 1]; };
  counted.quartiles = {quartile(1), quartile(2), quartile(3)};
  return counted;
}

/// Returns the place of a kind among all: what its runs are drawn with, whatever else is asked for.
std::uint64_t stream_of(const kind& wanted) {
  const auto all = all_kinds();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const kind& each) { return each.name == wanted.name; });
  return static_cast<std::uint64_t>(found - all.begin());
}

}  // namespace

std::vector<tally> run_suite(std::span<const kind> kinds, std::span<const std::string> rules,
                             const suite_options& options) {
  if (options.runs == 0 || options.length == 0 || options.threads == 0)
    throw std::invalid_argument("stress suite: expected at least 1 run, 1 observation and 1 thread");
  std::vector<any_criterion> made;
  for (const std::string& rule : rules)
    made.push_back(make_criterion(rule));
  std::vector<tally> tallies;
  for (const kind& each : kinds) {
    shared_runs runs{each, stream_of(each), options, rules.size()};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < options.threads; ++i)
      threads.emplace_back([&] { runs.work(made); });
    for (std::thread& thread : threads)
      thread.join();
    for (std::size_t i = 0; i < rules.size(); ++i)
      tallies.push_back(summarize(each.name, rules[i], runs.of_rule(i)));
  }
  return tallies;
}

}  // namespace dvar::stress
