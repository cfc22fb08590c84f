#include "cli/sweep/sweep_summary.hpp"

#include <map>
#include <numeric>

namespace dvar::cli {
namespace {

std::optional<double> number_in(const nlohmann::json& object, const nlohmann::json::json_pointer& path) {
  if (!object.is_object() || !object.contains(path) || !object.at(path).is_number()) return std::nullopt;
  return object.at(path).get<double>();
}

std::optional<double> seconds_of(const run_record& record) {
  return record.status == run_status::done ? std::optional{record.seconds} : std::nullopt;
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

/// Returns the values of a measure by concept.
std::map<std::string, double> values_of(const std::vector<sweep_row>& rows, std::size_t setting,
                                        const sweep_measure& measure) {
  std::map<std::string, double> values;
  for (const sweep_row& row : rows) {
    if (row.run.setting != setting || row.record.status != run_status::done) continue;
    if (const std::optional<double> value = measure.value(row.record)) values[row.run.concept_name] = *value;
  }
  return values;
}

}  // namespace

std::optional<double> last_step_of(const run_record& record) {
  return number_in(record.summary, nlohmann::json::json_pointer{"/step"});
}

std::optional<double> clip_similarity_of(const run_record& record, const char* when) {
  return number_in(record.summary, nlohmann::json::json_pointer{"/clip_image_similarity"} / when);
}

std::optional<double> clip_gain_of(const run_record& record) {
  const std::optional<double> before = clip_similarity_of(record, "before");
  const std::optional<double> after = clip_similarity_of(record, "after");
  return before && after ? std::optional{*after - *before} : std::nullopt;
}

const std::vector<sweep_measure>& sweep_measures() {
  static const std::vector<sweep_measure> measures{{"step", "steps", last_step_of, 0},
                                                   {"seconds", "seconds", seconds_of, 1},
                                                   {"clip_gain", "CLIP gain", clip_gain_of, 3}};
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
      summary.done += row.record.status == run_status::done ? 1 : 0;
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

}  // namespace dvar::cli
