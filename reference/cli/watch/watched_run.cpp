#include "cli/watch/watched_run.hpp"

#include <algorithm>
#include <utility>

#include <dvar/criteria/criterion.hpp>

#include "cli/replay/trace_series.hpp"
#include "training/run_monitor.hpp"

namespace dvar::cli {
namespace {

/// Notes the number that the rule judges by: the first of those that have a bound.
void note_judged(watched_run& run, const any_criterion& rule, std::size_t step) {
  bool is_noted = false;
  for_each_reported(rule, [&](const reported_value& reported) {
    if (is_noted || !reported.stops) return;
    is_noted = true;
    run.judged = reported.name;
    run.stops = reported.stops;
    if (reported.value) run.numbers.emplace_back(step, *reported.value);
  });
}

/// Returns what the loss of a column was before the first step, where the log has it.
std::optional<double> untouched_loss(const std::filesystem::path& log, const trace_series& series) {
  const std::string name = std::string{training::untouched_mark} + series.column;
  if (std::ranges::find(series.columns, name) == series.columns.end()) return std::nullopt;
  for (const trace_record& record : read_series(log, name).records)
    if (const std::optional<double> value = record[name]) return value;
  return std::nullopt;
}

}  // namespace

watched_run look_at(const std::filesystem::path& log, const played_rule& rule) {
  const trace_series series = read_series(log, rule.column);
  watched_run run{
      .log = log, .column = series.column, .last_step = series.last_step, .values = {}, .judged = {}};
  any_criterion playing = rule.criterion;
  for (const trace_record& record : series.records) {
    const std::optional<double> value = record[series.column];
    if (value) run.values.emplace_back(record.step(), *value);
    if (run.stopped_at) continue;
    const verdict said = value ? observe_at(playing, *value, record.step()) : advance(playing, record.step());
    if (value) note_judged(run, playing, record.step());
    if (said.stop) run.stopped_at = record.step();
  }
  run.reason = playing.reason();
  run.untouched = untouched_loss(log, series);
  if (!run.stopped_at && run.stops) run.forecast = forecast_stop(run.numbers, *run.stops);
  return run;
}

}  // namespace dvar::cli
