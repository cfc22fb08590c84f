#include "cli/replay/played_rules.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include <dvar/catalog/make_criterion.hpp>
#include <dvar/trace/threshold_grid.hpp>

#include "cli/replay/trace_series.hpp"
#include "error.hpp"
#include "training/stopping.hpp"

namespace dvar::cli {
namespace {

/// Holds variance ratios as `threshold_grid` takes them.
struct ratio_grid {
  std::vector<std::size_t> windows;
  std::vector<double> thresholds;
  non_finite_policy non_finite = non_finite_policy::keep;
  /// Holds for each rule its places in `windows` and `thresholds`.
  std::vector<std::pair<std::size_t, std::size_t>> places;
};

template <class Value>
std::size_t place_of(std::vector<Value>& values, Value value) {
  const auto found = std::ranges::find(values, value);
  const auto place = static_cast<std::size_t>(found - values.begin());
  if (found == values.end()) values.push_back(value);
  return place;
}

/// Returns the rules as a grid, if all are variance ratios that do the same with what is not finite.
std::optional<ratio_grid> ratio_grid_of(const std::vector<played_rule>& rules) {
  ratio_grid grid;
  for (const played_rule& rule : rules) {
    if (!rule.ratio) return std::nullopt;
    const variance_ratio_options& options = *rule.ratio;
    if (!grid.places.empty() && options.non_finite != grid.non_finite) return std::nullopt;
    grid.non_finite = options.non_finite;
    grid.places.emplace_back(place_of(grid.windows, options.window),
                             place_of(grid.thresholds, options.threshold));
  }
  return grid;
}

/// Returns how many records there are for each that has a value: the steps from one probe to the next in a run's trace.
std::size_t records_a_value(const trace_series& series) {
  const auto records = static_cast<double>(series.records.size());
  const auto values = static_cast<double>(std::ranges::count_if(
      series.records, [&](const trace_record& record) { return record[series.column].has_value(); }));
  return values > 0 ? std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(records / values))) : 1;
}

/// Returns the rules with windows that count values.
std::vector<played_rule> counting_values(std::vector<played_rule> rules, std::size_t records) {
  for (played_rule& rule : rules) {
    if (!rule.counts_records || records == 1) continue;
    rule.ratio->window = training::probes_in(rule.ratio->window, records);
    rule.criterion = variance_ratio{*rule.ratio};
  }
  return rules;
}

std::vector<replay_result> play(const std::vector<played_rule>& given, const trace_series& series,
                                bool whole_results) {
  const std::vector<played_rule> rules = counting_values(given, records_a_value(series));
  const std::string& column = series.column;
  std::vector<replay_result> results;
  const std::optional<ratio_grid> grid = whole_results ? std::nullopt : ratio_grid_of(rules);
  if (!grid) {
    for (const played_rule& rule : rules)
      results.push_back(replay(series.records, rule.criterion, column));
    return results;
  }
  const auto stops =
      threshold_grid(series.records, grid->windows, grid->thresholds, grid->non_finite, column);
  for (const auto& [window, threshold] : grid->places) {
    replay_result& result = results.emplace_back();
    if (const std::size_t stop = stops(window, threshold); stop != dvar::never) result.stopped_at = stop;
  }
  return results;
}

/// Returns the column's value at the first record of a step.
std::optional<double> value_at(const trace_series& series, std::size_t step) {
  for (const trace_record& record : series.records)
    if (record.step() == step && !record.empty()) return record[series.column];
  return std::nullopt;
}

}  // namespace

played_rule make_played_rule(const grid_rule& rule, const std::string& column) {
  const std::string text = rule.text();
  const training::stop_text stop = training::parse_stop(text);
  for (const rule_text& each : rule.rules)
    if (resolved_name(each.name) == wall_clock_limit<>::name)
      throw input_error(fmt::format("--stop {}: a trace does not say how long its steps took", text));
  // A log of another program has no probe's loss by this name: what there is to be shown is clear from a log of one column.
  const std::string_view shown = stop.shown == probe_loss_name ? std::string_view{} : stop.shown;
  return {.text = text,
          .criterion = training::make_rule(stop),
          .column = column.empty() ? std::string{shown} : column,
          .ratio = plain_options<variance_ratio>(stop.rules)};
}

std::vector<replayed_rule> play_all(const std::vector<std::filesystem::path>& traces,
                                    const std::vector<std::vector<played_rule>>& grids, bool whole_results,
                                    std::size_t mean_of) {
  std::vector<replayed_rule> rows;
  for (const std::filesystem::path& file : traces) {
    std::map<std::string, trace_series> columns;
    for (const std::vector<played_rule>& rules : grids) {
      // The rules of a grid differ in their settings alone.
      const std::string& column = rules.front().column;
      if (!columns.contains(column)) columns[column] = read_series(file, column);
      const trace_series& series = columns[column];
      const std::vector<replay_result> results = play(rules, series, whole_results);
      const std::optional<recent_mean> recent =
          mean_of == 0 ? std::nullopt : std::optional(recent_mean_of(series, mean_of));
      for (std::size_t i = 0; i < rules.size(); ++i) {
        replayed_rule& row = rows.emplace_back(replayed_rule{.trace = file.string(),
                                                             .rule = rules[i].text,
                                                             .column = series.column,
                                                             .result = results[i],
                                                             .last_step = series.last_step,
                                                             .value = {},
                                                             .recent = recent});
        if (row.result.stopped_at) row.value = value_at(series, *row.result.stopped_at);
      }
    }
  }
  return rows;
}

}  // namespace dvar::cli
