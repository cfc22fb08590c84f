#include "cli/replay/played_rules.hpp"

#include <algorithm>
#include <map>

#include <dvar/criteria/variance_ratio.hpp>
#include <dvar/trace/threshold_grid.hpp>

#include "cli/replay/trace_series.hpp"
#include "error.hpp"
#include "training/stopping.hpp"

namespace dvar::cli {
namespace {

/// Variance ratios as `threshold_grid` takes them.
struct ratio_grid {
  std::vector<std::size_t> windows;
  std::vector<double> thresholds;
  non_finite_policy non_finite = non_finite_policy::keep;
  std::vector<std::pair<std::size_t, std::size_t>> places;  ///< of the rules: into windows and thresholds
};

template <class Value>
std::size_t place_of(std::vector<Value>& values, Value value) {
  const auto found = std::ranges::find(values, value);
  const auto place = static_cast<std::size_t>(found - values.begin());
  if (found == values.end()) values.push_back(value);
  return place;
}

/// Nothing unless all rules are variance ratios that do the same with what is not finite.
std::optional<ratio_grid> ratio_grid_of(const std::vector<played_rule>& rules) {
  ratio_grid grid;
  for (const played_rule& rule : rules) {
    const auto* const ratio = rule.criterion.target<variance_ratio>();
    if (ratio == nullptr) return std::nullopt;
    const variance_ratio_options& options = ratio->options();
    if (!grid.places.empty() && options.non_finite != grid.non_finite) return std::nullopt;
    grid.non_finite = options.non_finite;
    grid.places.emplace_back(place_of(grid.windows, options.window),
                             place_of(grid.thresholds, options.threshold));
  }
  return grid;
}

std::vector<replay_result> play(const std::vector<played_rule>& rules, const trace& records,
                                bool whole_results) {
  std::vector<replay_result> results;
  const std::optional<ratio_grid> grid = whole_results ? std::nullopt : ratio_grid_of(rules);
  if (!grid) {
    for (const played_rule& rule : rules)
      results.push_back(replay(records, rule.criterion));
    return results;
  }
  std::vector<double> values;
  for (const trace_record& record : records)
    values.push_back(*record.probe_loss);
  const auto stops = threshold_grid(values, grid->windows, grid->thresholds, grid->non_finite);
  for (const auto& [window, threshold] : grid->places) {
    const std::size_t stop = stops(window, threshold);
    replay_result& result = results.emplace_back();
    result.observations = stop == never ? values.size() : stop;
    if (stop != never) result.stopped_at = records[stop - 1].step;
  }
  return results;
}

}  // namespace

played_rule make_played_rule(const std::string& text, const std::string& column) {
  if (text.find("wall_clock_limit") != std::string::npos)
    throw input_error("--stop wall_clock_limit: a trace does not say how long its steps took");
  const training::stop_parts parts = training::split_stop(text);
  const bool on_scores = parts.shown == training::stop_parts::series::score;
  return {text, training::make_rule(parts, text),
          !column.empty() ? column
          : on_scores     ? "clip_score"
                          : "probe_loss"};
}

std::vector<replayed_rule> play_all(const std::vector<std::filesystem::path>& traces,
                                    const std::vector<std::vector<played_rule>>& grids, bool whole_results) {
  std::vector<replayed_rule> rows;
  for (const std::filesystem::path& file : traces) {
    std::map<std::string, trace_series> columns;
    for (const std::vector<played_rule>& rules : grids) {
      // The rules of a grid differ in their settings alone.
      const std::string& column = rules.front().column;
      if (!columns.contains(column)) columns[column] = read_series(file, column);
      const trace_series& series = columns[column];
      const std::vector<replay_result> results = play(rules, series.records, whole_results);
      for (std::size_t i = 0; i < rules.size(); ++i) {
        replayed_rule& row = rows.emplace_back(replayed_rule{.trace = file.string(),
                                                             .rule = rules[i].text,
                                                             .column = column,
                                                             .result = results[i],
                                                             .last_step = series.last_step,
                                                             .value = {}});
        if (row.result.stopped_at) row.value = series.records[row.result.observations - 1].probe_loss;
      }
    }
  }
  return rows;
}

}  // namespace dvar::cli
