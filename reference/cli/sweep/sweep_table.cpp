#include "cli/sweep/sweep_table.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/ranges.h>

#include "cli/csv_cell.hpp"

namespace dvar::cli {
namespace {

std::optional<double> number_in(const nlohmann::json& object, const nlohmann::json::json_pointer& path) {
  if (!object.is_object() || !object.contains(path) || !object.at(path).is_number()) return std::nullopt;
  return object.at(path).get<double>();
}

std::optional<double> steps_of(const run_record& record) {
  return number_in(record.summary, nlohmann::json::json_pointer{"/step"});
}

std::optional<double> seconds_of(const run_record& record) {
  return record.state == run_state::done ? std::optional{record.seconds} : std::nullopt;
}

std::optional<double> similarity(const run_record& record, const char* when) {
  return number_in(record.summary, nlohmann::json::json_pointer{"/clip_image_similarity"} / when);
}

std::optional<double> gain_of(const run_record& record) {
  const std::optional<double> before = similarity(record, "before");
  const std::optional<double> after = similarity(record, "after");
  return before && after ? std::optional{*after - *before} : std::nullopt;
}

std::optional<spread> spread_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return spread{.median = evaluation::quantile(values, 0.5),
                .low = evaluation::quantile(values, 0.25),
                .high = evaluation::quantile(values, 0.75)};
}

std::optional<paired_difference> difference_of(const std::map<std::string, double>& from,
                                               const std::map<std::string, double>& to) {
  std::vector<double> differences;
  for (const auto& [name, value] : to)
    if (const auto other = from.find(name); other != from.end()) differences.push_back(value - other->second);
  if (differences.empty()) return std::nullopt;
  return paired_difference{
      .pairs = differences.size(),
      .mean = std::reduce(differences.begin(), differences.end()) / static_cast<double>(differences.size()),
      .between = evaluation::bootstrap_mean(differences)};
}

/// The values of a measure by concept.
std::map<std::string, double> values_of(const std::vector<sweep_row>& rows, std::size_t setting,
                                        const sweep_measure& measure) {
  std::map<std::string, double> values;
  for (const sweep_row& row : rows) {
    if (row.run.setting != setting) continue;
    if (const std::optional<double> value = measure.value(row.record)) values[row.run.concept_name] = *value;
  }
  return values;
}

/// Every option that a setting has, in the order in which they come.
std::vector<std::string> option_names(const std::vector<sweep_setting>& settings) {
  std::vector<std::string> names;
  for (const sweep_setting& setting : settings) {
    for (const sweep_option& option : setting.options)
      if (std::ranges::find(names, option.name) == names.end()) names.push_back(option.name);
  }
  return names;
}

std::string option_text(const sweep_setting& setting, const std::string& name) {
  const auto option = std::ranges::find(setting.options, name, &sweep_option::name);
  if (option == setting.options.end()) return "";
  return option->values.empty() ? "true" : fmt::format("{}", fmt::join(option->values, " "));
}

std::string text_in(const nlohmann::json& object, const char* key) {
  return object.is_object() ? object.value(key, "") : "";
}

/// In Markdown a bar ends a cell.
std::string markdown_cell(const std::string& cell) {
  std::string text;
  for (const char c : cell) {
    if (c == '|') text += '\\';
    text += c;
  }
  return text;
}

void add_settings(std::string& text, const std::vector<setting_summary>& summaries) {
  text.append("\n| setting | done |");
  for (const sweep_measure& measure : sweep_measures())
    text.append(fmt::format(" {} |", measure.heading));
  text.append("\n|---|---|---|---|---|\n");
  for (const setting_summary& summary : summaries) {
    text.append(fmt::format("| {} | {} of {} |", markdown_cell(summary.name), summary.done, summary.runs));
    for (std::size_t i = 0; i < sweep_measures().size(); ++i) {
      const int digits = sweep_measures()[i].digits;
      const std::optional<spread>& value = summary.spreads[i];
      text.append(value ? fmt::format(" {:.{}f} [{:.{}f}, {:.{}f}] |", value->median, digits, value->low,
                                      digits, value->high, digits)
                        : " - |");
    }
    text.append("\n");
  }
}

void add_differences(std::string& text, const std::vector<setting_summary>& summaries) {
  text.append(
      fmt::format("\nDifferences to {}, of the same concept: mean (95 % interval by 10,000 bootstrap "
                  "resamples of the concepts; "
                  "number of concepts).\n\n| setting |",
                  summaries.front().name));
  for (const sweep_measure& measure : sweep_measures())
    text.append(fmt::format(" {} |", measure.heading));
  text.append("\n|---|---|---|---|\n");
  for (std::size_t s = 1; s < summaries.size(); ++s) {
    text.append(fmt::format("| {} |", markdown_cell(summaries[s].name)));
    for (std::size_t i = 0; i < sweep_measures().size(); ++i) {
      const int digits = sweep_measures()[i].digits;
      const std::optional<paired_difference>& difference = summaries[s].differences[i];
      if (!difference) {
        text.append(" - |");
      } else if (!difference->between) {
        text.append(fmt::format(" {:+.{}f} (-; {}) |", difference->mean, digits, difference->pairs));
      } else {
        text.append(fmt::format(" {:+.{}f} ({:+.{}f} to {:+.{}f}; {}) |", difference->mean, digits,
                                difference->between->low, digits, difference->between->high, digits,
                                difference->pairs));
      }
    }
    text.append("\n");
  }
}

void add_unfinished(std::string& text, const std::vector<sweep_row>& rows) {
  std::string lines;
  for (const sweep_row& row : rows) {
    if (row.record.state == run_state::done) continue;
    lines.append(fmt::format("| {} | {} | {} | {} |\n", markdown_cell(row.run.concept_name),
                             markdown_cell(row.run.setting_name), name_of(row.record.state),
                             markdown_cell(row.record.failure)));
  }
  if (lines.empty()) return;
  text.append(
          "\nNot done (`log.txt` in the folder of a run has all that it said):\n\n| concept | setting | "
          "state | "
          "how it ended |\n|---|---|---|---|\n")
      .append(lines);
}

nlohmann::json json_of(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

nlohmann::json json_of(const setting_summary& summary) {
  nlohmann::json json{{"setting", summary.name}, {"runs", summary.runs}, {"done", summary.done}};
  for (std::size_t i = 0; i < sweep_measures().size(); ++i) {
    const std::string key{sweep_measures()[i].key};
    if (const auto& value = summary.spreads[i])
      json[key] = {{"median", value->median}, {"low", value->low}, {"high", value->high}};
    if (const auto& difference = summary.differences[i]) {
      nlohmann::json& part = json["differences"][key];
      part = {{"pairs", difference->pairs}, {"mean", difference->mean}};
      if (difference->between) part["interval"] = {difference->between->low, difference->between->high};
    }
  }
  return json;
}

}  // namespace

const std::vector<sweep_measure>& sweep_measures() {
  static const std::vector<sweep_measure> measures{{"step", "steps", steps_of, 0},
                                                   {"seconds", "seconds", seconds_of, 1},
                                                   {"clip_gain", "CLIP gain", gain_of, 3}};
  return measures;
}

std::vector<setting_summary> summaries_of(const std::vector<sweep_row>& rows,
                                          const std::vector<sweep_setting>& settings) {
  std::vector<setting_summary> summaries;
  for (std::size_t s = 0; s < settings.size(); ++s) {
    setting_summary summary{.name = settings[s].name};
    for (const sweep_row& row : rows) {
      if (row.run.setting != s) continue;
      ++summary.runs;
      summary.done += row.record.state == run_state::done ? 1 : 0;
    }
    for (const sweep_measure& measure : sweep_measures()) {
      const std::map<std::string, double> values = values_of(rows, s, measure);
      std::vector<double> all;
      for (const auto& [name, value] : values)
        all.push_back(value);
      summary.spreads.push_back(spread_of(all));
      summary.differences.push_back(s == 0 ? std::nullopt
                                           : difference_of(values_of(rows, 0, measure), values));
    }
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

std::string sweep_csv(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings) {
  const std::vector<std::string> options = option_names(settings);
  std::string text = "concept,setting";
  for (const std::string& option : options)
    text.append(",").append(csv_cell(option));
  text.append(",state,attempts,stop_reason,step,seconds,clip_before,clip_after,clip_gain,failure\n");
  for (const sweep_row& row : rows) {
    const run_record& record = row.record;
    const auto number = [](const std::optional<double>& value) {
      return value ? fmt::format("{}", *value) : "";
    };
    text.append(csv_cell(row.run.concept_name)).append(",").append(csv_cell(row.run.setting_name));
    for (const std::string& option : options)
      text.append(",").append(csv_cell(option_text(settings[row.run.setting], option)));
    text.append(fmt::format(",{},{},{},{},{},{},{},{},{}\n", name_of(record.state), record.attempts,
                            csv_cell(text_in(record.summary, "stop_reason")), number(steps_of(record)),
                            record.seconds, number(similarity(record, "before")),
                            number(similarity(record, "after")), number(gain_of(record)),
                            csv_cell(record.failure)));
  }
  return text;
}

std::string sweep_markdown(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings) {
  const std::vector<setting_summary> summaries = summaries_of(rows, settings);
  std::string text = fmt::format(
      "Settings: {}, concepts: {}, runs: {}. Median [first quartile, third quartile] over the concepts.\n",
      settings.size(), rows.size() / settings.size(), rows.size());
  add_settings(text, summaries);
  if (summaries.size() > 1) add_differences(text, summaries);
  add_unfinished(text, rows);
  return text;
}

std::string sweep_json(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings) {
  nlohmann::json runs = nlohmann::json::array();
  for (const sweep_row& row : rows) {
    const run_record& record = row.record;
    runs.push_back({{"concept", row.run.concept_name},
                    {"setting", row.run.setting_name},
                    {"folder", row.run.folder.string()},
                    {"state", name_of(record.state)},
                    {"attempts", record.attempts},
                    {"seconds", record.seconds},
                    {"clip_gain", json_of(gain_of(record))},
                    {"failure", record.failure},
                    {"summary", record.summary}});
  }
  nlohmann::json list = nlohmann::json::array();
  for (const setting_summary& summary : summaries_of(rows, settings))
    list.push_back(json_of(summary));
  return nlohmann::json{{"runs", runs}, {"settings", list}}.dump(2) + "\n";
}

}  // namespace dvar::cli
