#include "cli/replay/suggestion.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <dvar/trace/threshold_grid.hpp>

#include "error.hpp"
#include "training/stopping.hpp"

namespace dvar::cli {
namespace {

constexpr std::size_t least_runs = 3;
constexpr std::size_t least_values = 40;
constexpr double clearance =
    1.1;  // of the first right stop: what is right by a hair here is wrong on the next run
constexpr std::array thresholds{0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6};

/// Returns the mean over a fortieth of the run to either side of each value.
std::vector<double> smoothed(const std::vector<double>& values) {
  std::vector<double> sums{0.0};
  for (const double value : values)
    sums.push_back(sums.back() + value);
  const std::size_t reach = values.size() / 40;
  std::vector<double> means;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // As far as both sides go: a mean over one side alone would lag behind a fall.
    const std::size_t around = std::min({reach, i, values.size() - 1 - i});
    means.push_back((sums[i + around + 1] - sums[i - around]) / static_cast<double>(2 * around + 1));
  }
  return means;
}

/// Holds a run as it is tried: its losses, their steps and its right stops.
struct tried_run {
  std::vector<double> losses;
  std::vector<std::size_t> steps;
  right_stops right;
};

tried_run values_of(const trace_series& series) {
  tried_run run;
  for (const trace_record& record : series.records) {
    if (const std::optional<double> value = record[series.column]) {
      run.losses.push_back(*value);
      run.steps.push_back(record.step());
    }
  }
  return run;
}

/// Returns windows in steps, from a handful of values to half of the shortest run.
std::vector<std::size_t> windows_for(const std::vector<tried_run>& runs) {
  constexpr std::size_t count = 12;
  constexpr double shortest = 8.0;
  double values = INFINITY;
  double every = 1.0;
  for (const tried_run& run : runs) {
    const auto length = static_cast<double>(run.losses.size());
    values = std::min(values, length);
    every = std::max(every, static_cast<double>(run.steps.back()) / length);
  }
  const double longest = std::max(shortest, values / 2);
  std::vector<std::size_t> windows;
  for (std::size_t i = 0; i < count; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(count - 1);
    const auto window =
        static_cast<std::size_t>(std::lround(every * shortest * std::pow(longest / shortest, share)));
    if (windows.empty() || window != windows.back()) windows.push_back(window);
  }
  return windows;
}

enum class stop_outcome : std::uint8_t { right, early, late };

/// Says where one setting stops one run.
struct tried_stop {
  stop_outcome result = stop_outcome::right;
  bool is_stop = true;
  bool is_clear = true;  ///< says that it is no early stop, nor nearly one
  double step = 0.0;
};

tried_stop judge(const tried_run& run, std::size_t stop) {
  if (stop == dvar::never) {
    const bool was_to_stop = run.right.to < run.losses.size();
    return {.result = was_to_stop ? stop_outcome::late : stop_outcome::right,
            .is_stop = false,
            .step = static_cast<double>(run.steps.back())};
  }
  return {.result = stop < run.right.from ? stop_outcome::early
                    : stop > run.right.to ? stop_outcome::late
                                          : stop_outcome::right,
          .is_clear = static_cast<double>(stop) >= clearance * static_cast<double>(run.right.from),
          .step = static_cast<double>(run.steps[stop - 1])};
}

/// Holds the stops of all settings on all runs.
class tried_settings {
 public:
  explicit tried_settings(const std::vector<tried_run>& runs) : windows_{windows_for(runs)} {
    for (const tried_run& run : runs) {
      const std::size_t every =
          std::max<std::size_t>(1, (run.steps.back() + run.losses.size() / 2) / run.losses.size());
      std::vector<std::size_t> values;
      for (const std::size_t window : windows_)
        values.push_back(training::probes_in(window, every));
      const auto stops = threshold_grid(run.losses, values, thresholds);
      std::vector<tried_stop>& own = stops_.emplace_back();
      for (std::size_t w = 0; w < windows_.size(); ++w)
        for (std::size_t t = 0; t < thresholds.size(); ++t)
          own.push_back(judge(run, stops(w, t)));
    }
  }

  /// Returns what the best setting does on all runs but the one at this place.
  setting_result best_without(std::optional<std::size_t> left_out) const {
    using rank = std::tuple<std::size_t, std::size_t, double>;
    std::optional<std::pair<rank, setting_result>> best;
    for (std::size_t setting = 0; setting < windows_.size() * thresholds.size(); ++setting) {
      const setting_result tried = on_all_but(left_out, setting);
      std::size_t unclear = 0;
      for (std::size_t run = 0; run < stops_.size(); ++run)
        unclear += run != left_out && !stops_[run][setting].is_clear ? 1 : 0;
      const rank own{unclear + tried.late, unclear, tried.median};
      if (!best || own < best->first) best = {own, tried};
    }
    return best->second;
  }

  /// Returns whether a setting stops the run at this place right.
  bool is_right(const setting_result& setting, std::size_t run) const {
    const auto w = static_cast<std::size_t>(std::ranges::find(windows_, setting.window) - windows_.begin());
    const auto t =
        static_cast<std::size_t>(std::ranges::find(thresholds, setting.threshold) - thresholds.begin());
    return stops_[run][w * thresholds.size() + t].result == stop_outcome::right;
  }

 private:
  setting_result on_all_but(std::optional<std::size_t> left_out, std::size_t setting) const {
    setting_result result{.window = windows_[setting / thresholds.size()],
                          .threshold = thresholds[setting % thresholds.size()]};
    std::vector<double> steps;
    for (std::size_t run = 0; run < stops_.size(); ++run) {
      if (run == left_out) continue;
      const tried_stop& stop = stops_[run][setting];
      ++result.runs;
      result.stopped += stop.is_stop ? 1 : 0;
      result.early += stop.result == stop_outcome::early ? 1 : 0;
      result.late += stop.result == stop_outcome::late ? 1 : 0;
      steps.push_back(stop.step);
    }
    std::ranges::sort(steps);
    result.median = (steps[(steps.size() - 1) / 2] + steps[steps.size() / 2]) / 2;
    return result;
  }

  std::vector<std::size_t> windows_;
  std::vector<std::vector<tried_stop>> stops_;  // a list a run, of windows times thresholds
};

void add_wilson_interval(suggestion& found) {
  constexpr double z = 1.959963984540054;
  const auto n = static_cast<double>(found.best.runs);
  const double share = static_cast<double>(found.right_unseen) / n;
  const double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  found.lowest = std::max(0.0, middle - half);
  found.highest = std::min(1.0, middle + half);
}

}  // namespace

std::optional<right_stops> right_stops_of(const std::vector<double>& losses) {
  return find_right_stops(smoothed(losses));
}

suggestion suggest(const std::vector<trace_series>& runs, const std::vector<std::string>& names) {
  suggestion found;
  std::vector<tried_run> tried;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    tried_run run = values_of(runs[i]);
    if (run.losses.size() < least_values) {
      throw input_error(fmt::format("--suggest: {}: expected at least {} values of {}, found {}", names[i],
                                    least_values, runs[i].column, run.losses.size()));
    }
    if (const std::optional<right_stops> right = right_stops_of(run.losses)) {
      run.right = *right;
      tried.push_back(std::move(run));
    } else {
      found.left_out.push_back(names[i]);
    }
  }
  if (tried.size() < least_runs) {
    throw input_error(fmt::format(
        "--suggest: expected at least {} runs whose loss falls, found {}: what fits fewer says nothing of the next",
        least_runs, tried.size()));
  }
  const tried_settings settings{tried};
  found.best = settings.best_without(std::nullopt);
  if (found.best.stopped == 0) {
    throw input_error(
        "--suggest: no setting does better than to stop none of these runs: expected runs whose loss flattens before their end");
  }
  for (std::size_t run = 0; run < tried.size(); ++run)
    found.right_unseen += settings.is_right(settings.best_without(run), run) ? 1 : 0;
  add_wilson_interval(found);
  return found;
}

std::string describe(const suggestion& found, bool as_json) {
  const setting_result& best = found.best;
  if (as_json) {
    const nlohmann::json object{{"window", best.window},
                                {"threshold", best.threshold},
                                {"runs", best.runs},
                                {"stopped", best.stopped},
                                {"early", best.early},
                                {"late", best.late},
                                {"median_step", best.median},
                                {"right_unseen", found.right_unseen},
                                {"right_unseen_interval", {found.lowest, found.highest}},
                                {"left_out", found.left_out}};
    return object.dump(2) + "\n";
  }
  std::string text = fmt::format("Suggested   --window {} --threshold {}\n", best.window, best.threshold);
  text += fmt::format(
      "On these    stops {} of {} runs, {} too early and {} too late or not at all; the median step is {:g}\n",
      best.stopped, best.runs, best.early, best.late, best.median);
  text += fmt::format(
      "How sure    a setting chosen by the other runs is right in {} of {} cases: {:.0f} % (95 % interval {:.0f} to {:.0f} %)\n",
      found.right_unseen, best.runs,
      100.0 * static_cast<double>(found.right_unseen) / static_cast<double>(best.runs), 100.0 * found.lowest,
      100.0 * found.highest);
  text += fmt::format(
      "Right is    once {:.0f} % of the loss's fall is done, up to {} times as many steps, and not after it has risen again by {:.0f} % of it\n",
      100.0 * (1.0 - right_stops::tolerated), right_stops::tolerated_times, 100.0 * right_stops::tolerated);
  if (!found.left_out.empty())
    text += fmt::format("Left out    {}: the loss does not fall, or is not finite\n",
                        fmt::join(found.left_out, ", "));
  return text;
}

}  // namespace dvar::cli
