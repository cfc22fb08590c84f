#include "cli/replay/replay_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/csv_cell.hpp"

namespace dvar::cli {
namespace {

using cells = std::vector<std::vector<std::string>>;

template <class Value>
std::string or_dash(const std::optional<Value>& value, const char* format = "{}") {
  return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

std::string aligned(const cells& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

/// Writes a row for each rule, in the order of the first trace.
std::string text_of(const std::map<std::string, rule_summary>& summaries,
                    const std::vector<replayed_rule>& rows) {
  cells table{{"rule", "stops", "median step"}};
  std::set<std::string> written;
  for (const replayed_rule& row : rows) {
    if (!written.insert(row.rule).second) continue;
    const rule_summary& summary = summaries.at(row.rule);
    table.push_back(
        {row.rule, fmt::format("{} of {}", summary.stops, summary.traces), or_dash(summary.median)});
  }
  return aligned(table);
}

std::optional<double> median_of(std::vector<double> steps) {
  std::sort(steps.begin(), steps.end());
  const double upper = steps[steps.size() / 2];
  const double median = 0.5 * (steps[(steps.size() - 1) / 2] + upper);
  return std::isfinite(median) ? std::optional(median) : std::nullopt;
}

/// Holds the names of a mean's numbers, for programs.
constexpr std::array mean_names{"mean", "standard_error", "effective_sample_size", "split_r_hat"};

std::array<std::optional<double>, 4> numbers_of(const recent_mean& mean) {
  return {mean.error.mean, mean.error.standard_error, mean.error.effective_sample_size,
          mean.error.split_r_hat};
}

std::string as_csv(const std::vector<replayed_rule>& rows) {
  std::string text = "trace,rule,column,stopped_at,last_step,observations,statistic,value,reason";
  if (!rows.empty() && rows.front().recent) text += fmt::format(",{}", fmt::join(mean_names, ","));
  text += "\n";
  for (const replayed_rule& row : rows) {
    const auto number = [](const auto& value) { return value ? fmt::format("{}", *value) : std::string{}; };
    text += fmt::format("{},{},{},{},{},{},{},{},{}", csv_cell(row.trace), csv_cell(row.rule),
                        csv_cell(row.column), number(row.result.stopped_at), row.last_step,
                        row.result.observations, number(row.result.last.statistic), number(row.value),
                        csv_cell(row.result.reason));
    if (row.recent)
      for (const std::optional<double>& each : numbers_of(*row.recent))
        text += "," + number(each);
    text += "\n";
  }
  return text;
}

std::string as_json(const std::vector<replayed_rule>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const replayed_rule& row : rows) {
    const auto number = [](const auto& value) { return value ? nlohmann::json(*value) : nlohmann::json(); };
    list.push_back({{"trace", row.trace},
                    {"rule", row.rule},
                    {"column", row.column},
                    {"stopped_at", number(row.result.stopped_at)},
                    {"last_step", row.last_step},
                    {"observations", row.result.observations},
                    {"statistic", number(row.result.last.statistic)},
                    {"value", number(row.value)},
                    {"reason", row.result.reason}});
    if (!row.recent) continue;
    for (std::size_t i = 0; i < mean_names.size(); ++i)
      list.back()[mean_names[i]] = number(numbers_of(*row.recent)[i]);
  }
  return list.dump(2) + "\n";
}

/// Writes a line for each column of each trace that says how sure its mean is.
std::string means_of(const std::vector<replayed_rule>& rows) {
  std::string text;
  std::set<std::pair<std::string, std::string>> written;
  for (const replayed_rule& row : rows)
    if (row.recent && written.emplace(row.trace, row.column).second)
      text += fmt::format("\n{}: {}\n", row.trace, describe(*row.recent, row.column));
  return text;
}

}  // namespace

std::map<std::string, rule_summary> summaries_of(const std::vector<replayed_rule>& rows) {
  std::map<std::string, std::vector<double>> steps;
  for (const replayed_rule& row : rows)
    steps[row.rule].push_back(row.result.stopped_at ? static_cast<double>(*row.result.stopped_at) : INFINITY);
  std::map<std::string, rule_summary> summaries;
  for (const auto& [rule, stops] : steps) {
    const auto finite =
        std::count_if(stops.begin(), stops.end(), [](double step) { return step < INFINITY; });
    summaries[rule] = {stops.size(), static_cast<std::size_t>(finite), median_of(stops)};
  }
  return summaries;
}

cells cells_of(const std::vector<replayed_rule>& rows) {
  cells table{{"trace", "rule", "stops at", "of", "saves", "value"}};
  for (const replayed_rule& row : rows) {
    const std::optional<std::size_t>& stop = row.result.stopped_at;
    const double saved = stop ? 1.0 - static_cast<double>(*stop) / static_cast<double>(row.last_step) : 0.0;
    table.push_back({row.trace, row.rule, or_dash(stop), fmt::format("{}", row.last_step),
                     stop ? fmt::format("{:.0f} %", 100.0 * saved) : "-", or_dash(row.value, "{:.6g}")});
  }
  return table;
}

std::string describe(const std::vector<replayed_rule>& rows, table_form form) {
  if (form == table_form::csv) return as_csv(rows);
  if (form == table_form::json) return as_json(rows);
  const std::map<std::string, rule_summary> summaries = summaries_of(rows);
  const bool several = std::any_of(summaries.begin(), summaries.end(),
                                   [](const auto& entry) { return entry.second.traces > 1; });
  std::string text = aligned(cells_of(rows));
  if (several) text.append("\n").append(text_of(summaries, rows));
  return text + means_of(rows);
}

}  // namespace dvar::cli
