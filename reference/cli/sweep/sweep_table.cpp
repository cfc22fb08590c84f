#include "cli/sweep/sweep_table.hpp"

#include <algorithm>

#include <fmt/ranges.h>

#include "cli/csv_cell.hpp"

namespace dvar::cli {
namespace {

/// Returns every option that a setting has, in the order in which they come.
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

/// Returns the cell for Markdown, in which a bar ends one, a line break the row, and tags are HTML's.
std::string markdown_cell(const std::string& cell) {
  std::string text;
  for (const char c : cell) {
    if (c == '|' || c == '<' || c == '\\') text += '\\';
    text += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
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
  text.append(fmt::format(
      "\nDifferences to {}, of the same concept: mean (95 % interval by 10,000 bootstrap resamples of the concepts; number of concepts).\n\n| setting |",
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
    if (row.record.status == run_status::done) continue;
    lines.append(fmt::format("| {} | {} | {} | {} |\n", markdown_cell(row.run.concept_name),
                             markdown_cell(row.run.setting_name), name_of(row.record.status),
                             markdown_cell(row.record.failure)));
  }
  if (lines.empty()) return;
  text.append(
          "\nNot done (`log.txt` in the folder of a run has all that it said):\n\n| concept | setting | state | how it ended |\n|---|---|---|---|\n")
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

std::string sweep_csv(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings) {
  const std::vector<std::string> options = option_names(settings);
  std::string text = "concept,setting";
  for (const std::string& option : options)
    text.append(",").append(csv_cell(option));
  text.append(",state,attempts,stop_rule,step,seconds,clip_before,clip_after,clip_gain,failure\n");
  for (const sweep_row& row : rows) {
    const run_record& record = row.record;
    const auto number = [](const std::optional<double>& value) {
      return value ? fmt::format("{}", *value) : "";
    };
    text.append(csv_cell(row.run.concept_name)).append(",").append(csv_cell(row.run.setting_name));
    for (const std::string& option : options)
      text.append(",").append(csv_cell(option_text(settings[row.run.setting], option)));
    text.append(fmt::format(",{},{},{},{},{},{},{},{},{}\n", name_of(record.status), record.attempts,
                            csv_cell(text_in(record.summary, "stop_rule")), number(last_step_of(record)),
                            record.seconds, number(clip_similarity_of(record, "before")),
                            number(clip_similarity_of(record, "after")), number(clip_gain_of(record)),
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
                    {"state", name_of(record.status)},
                    {"attempts", record.attempts},
                    {"seconds", record.seconds},
                    {"clip_gain", json_of(clip_gain_of(record))},
                    {"failure", record.failure},
                    {"summary", record.summary}});
  }
  nlohmann::json list = nlohmann::json::array();
  for (const setting_summary& summary : summaries_of(rows, settings))
    list.push_back(json_of(summary));
  return nlohmann::json{{"runs", runs}, {"settings", list}}.dump(2) + "\n";
}

}  // namespace dvar::cli
